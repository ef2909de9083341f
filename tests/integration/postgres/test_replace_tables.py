"""Tables of an existing database are replaced as a whole or not at all (postgres.md §1, rule 4)."""

import threading
from contextlib import suppress

import psycopg
import pytest

from orchestrator.engines.postgres.restore.existing.database import PostgresExistingDatabase
from orchestrator.errors import LockTimeoutError, RestoreError, SourceUnreachableError
from orchestrator.model.contents import SequenceState, TableName
from orchestrator.ports.restoring.existing_database import ExistingDatabase, Wanted
from tests.faults.replacing import SCHEMA, guards_of
from tests.support.postgres import Database
from tests.support.replacing import a_table, look, opened, replace_rows, wanted

ACCOUNTS = a_table("accounts", id="integer", name="text")
ENTRIES = tuple(
    a_table(f"entries_{n}", id="bigint", account="integer", note="text")
    for n in ("0", "1_low", "1_high")
)


def ids(database: Database, table: str) -> list[object]:
    return [row[0] for row in database.execute(f"SELECT id FROM {table} ORDER BY 1")]


def test_keys_triggers_comments_and_row_security_are_as_before(empty_database: Database):
    empty_database.execute(SCHEMA)
    empty_database.execute("ALTER TABLE remarks DISABLE TRIGGER ALL")
    guards = guards_of(empty_database)
    what = wanted(ACCOUNTS, *ENTRIES, whole=("entries",))
    replace_rows(empty_database, what, {"accounts": "1\tone\n"})
    assert guards_of(empty_database) == guards
    assert empty_database.execute("SELECT * FROM accounts") == [(1, "one")]
    assert ids(empty_database, "entries") == []


def test_the_owner_may_replace_tables_that_force_row_security(empty_database: Database):
    empty_database.execute(SCHEMA)
    owner = empty_database.server.create_role()
    parents = ("accounts", "entries", "entries_1", "remarks")
    for table in (*parents, *(entry.name.name for entry in ENTRIES)):
        empty_database.execute(f'ALTER TABLE {table} OWNER TO "{owner.name}"')
    guards = guards_of(empty_database)
    what = wanted(ACCOUNTS, *ENTRIES, whole=("entries",))
    replace_rows(empty_database, what, {"accounts": "1\tone\n"}, role=owner)
    assert ids(empty_database, "accounts") == [1]
    assert guards_of(empty_database) == guards


def test_rows_elsewhere_that_would_be_orphaned_stop_it_and_are_named(empty_database: Database):
    empty_database.execute(SCHEMA)
    with pytest.raises(RestoreError, match=r"orphaned: .*about of public.remarks .*\(1\)"):
        replace_rows(
            empty_database, wanted(ACCOUNTS, *ENTRIES, whole=("entries",)), {"accounts": "2\ttwo\n"}
        )
    assert len(ids(empty_database, "accounts")) == 50


def test_a_partition_made_since_is_emptied_and_named(empty_database: Database):
    empty_database.execute(
        "CREATE TABLE logs (id int) PARTITION BY LIST (id);"
        "CREATE TABLE logs_1 PARTITION OF logs FOR VALUES IN (1);"
        "CREATE TABLE logs_2 PARTITION OF logs FOR VALUES IN (2); INSERT INTO logs VALUES (1), (2)"
    )
    what = wanted(a_table("logs_1", id="integer"), whole=("logs",))
    assert "public.logs_2 is a partition made since" in look(empty_database, what).differences[0]
    replace_rows(empty_database, what, {"logs_1": "1\n1\n"})
    assert ids(empty_database, "logs") == [1, 1]


def test_a_single_partition_leaves_the_others_alone(empty_database: Database):
    empty_database.execute(
        "CREATE TABLE logs (id int) PARTITION BY LIST (id);"
        "CREATE TABLE logs_1 PARTITION OF logs FOR VALUES IN (1);"
        "CREATE TABLE logs_2 PARTITION OF logs FOR VALUES IN (2); INSERT INTO logs VALUES (1), (2)"
    )
    replace_rows(empty_database, wanted(a_table("logs_1", id="integer")), {})
    assert ids(empty_database, "logs") == [2]


def test_a_foreign_partition_is_left_alone_and_named(empty_database: Database):
    empty_database.execute(
        "CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w;"
        "CREATE TABLE logs (id int) PARTITION BY LIST (id);"
        "CREATE TABLE logs_1 PARTITION OF logs FOR VALUES IN (1); INSERT INTO logs VALUES (1);"
        "CREATE FOREIGN TABLE logs_2 PARTITION OF logs FOR VALUES IN (2) SERVER s"
    )
    what = wanted(a_table("logs_1", id="integer"), whole=("logs",))
    (said,) = replace_rows(empty_database, what, {"logs_1": "1\n1\n"})
    assert said.startswith("public.logs_2 keeps its rows, which public.logs shows, too")
    assert ids(empty_database, "logs_1") == [1, 1]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("ALTER TABLE t RENAME v TO w", "public.t.v is gone"),
        ("ALTER TABLE t ALTER v TYPE int USING 1", "is of type integer now"),
        ("ALTER TABLE t ADD n int NOT NULL", "a row needs a value for it"),
        ("DROP TABLE t", "does not exist here"),
    ],
)
def test_a_table_that_cannot_take_the_rows_is_in_the_way(
    empty_database: Database, change: str, words: str
):
    empty_database.execute(f"CREATE TABLE t (id int, v varchar(5)); {change}")
    plan = look(empty_database, wanted(a_table("t", id="integer", v="character varying(5)")))
    assert any(words in obstacle for obstacle in plan.obstacles)


def test_a_column_that_only_grew_is_told_and_harmless(empty_database: Database):
    empty_database.execute("CREATE TABLE t (extra int DEFAULT 7, v text, id bigint)")
    what = wanted(a_table("t", id="integer", v="character varying(5)"))
    plan = look(empty_database, what)
    assert (len(plan.differences), plan.obstacles) == (3, ())
    replace_rows(empty_database, what, {"t": "1\ta\n"})
    assert empty_database.execute("SELECT id, v, extra FROM t") == [(1, "a", 7)]


def test_a_sequence_is_raised_and_never_lowered(empty_database: Database):
    empty_database.execute("CREATE TABLE a (id serial); CREATE TABLE b (id serial)")
    empty_database.execute("SELECT setval('b_id_seq', 900)")
    states = tuple(
        SequenceState(name=TableName("public", f"{name}_id_seq"), last_value=40, is_called=True)
        for name in "ab"
    )
    tables = [a_table(name, id="integer") for name in "ab"]
    said = replace_rows(empty_database, wanted(*tables, sequences=states), {})
    assert said == ["public.a_id_seq goes on at 41 instead of 1"]
    assert empty_database.execute("SELECT nextval('a_id_seq'), nextval('b_id_seq')") == [(41, 901)]


def test_an_error_undoes_a_raised_sequence(empty_database: Database):
    empty_database.execute("CREATE TABLE a (id serial)")
    state = SequenceState(name=TableName("public", "a_id_seq"), last_value=40, is_called=True)
    what = wanted(a_table("a", id="integer"), sequences=(state,))
    with (
        opened(empty_database) as existing,
        suppress(ZeroDivisionError),
        existing.replacing(what, existing.look(what)) as replacement,
    ):
        replacement.empty_tables()
        assert replacement.restore_guards() != []
        raise ZeroDivisionError
    assert empty_database.execute("SELECT last_value, is_called FROM a_id_seq") == [(1, False)]


def test_published_tables_and_stale_views_are_named(empty_database: Database):
    empty_database.execute(
        "CREATE TABLE t (id int); CREATE PUBLICATION news FOR TABLE t;"
        "CREATE VIEW v AS SELECT * FROM t; CREATE MATERIALIZED VIEW m AS SELECT * FROM v"
    )
    plan = look(empty_database, wanted(a_table("t", id="integer")))
    assert plan.published == ("public.t in publication news",)
    assert [entry.name for entry in plan.stale] == ["public.m"]


def test_a_reader_that_does_not_end_is_named_and_nothing_changes(empty_database: Database):
    empty_database.execute("CREATE TABLE t (id int); INSERT INTO t VALUES (1)")
    with empty_database.connect() as reader:
        reader.execute("BEGIN; SELECT * FROM t")
        words = f"session {reader.info.backend_pid} holds public.t"
        with pytest.raises(LockTimeoutError, match=words):
            replace_rows(empty_database, wanted(a_table("t", id="integer")), {})
    assert ids(empty_database, "t") == [1]


def test_who_has_read_and_waits_to_write_is_cancelled_instead_of_waited_for(
    empty_database: Database,
):
    empty_database.execute("CREATE TABLE t (id int); CREATE TABLE u (id int)")
    what = wanted(a_table("t", id="integer"), a_table("u", id="integer"))
    ended: list[type[BaseException]] = []

    def write(writer: psycopg.Connection[tuple[object, ...]]) -> None:
        try:
            writer.execute("INSERT INTO u VALUES (1)")
        except psycopg.Error as error:
            ended.append(type(error))

    with empty_database.connect() as writer, opened(empty_database) as existing:
        writer.execute("BEGIN; SELECT * FROM t")
        with existing.replacing(what, existing.look(what)) as replacement:
            thread = threading.Thread(target=write, args=(writer,))
            thread.start()
            replacement.empty_tables()
            replacement.restore_guards()
        thread.join()
    assert ended[0] in {psycopg.errors.QueryCanceled, psycopg.errors.DeadlockDetected}


def test_a_table_changed_since_it_was_shown_is_not_replaced(empty_database: Database):
    empty_database.execute("CREATE TABLE t (id int); INSERT INTO t VALUES (1)")
    what = wanted(a_table("t", id="integer"))
    with opened(empty_database) as existing:
        shown = existing.look(what)
        empty_database.execute("ALTER TABLE t ADD other int DEFAULT 1")
        with pytest.raises(RestoreError, match="changed between"), existing.replacing(what, shown):
            pass
    assert ids(empty_database, "t") == [1]


@pytest.mark.parametrize(
    "change",
    [
        "CREATE PUBLICATION news FOR TABLE t",
        "CREATE PUBLICATION news FOR ALL TABLES",
        "CREATE MATERIALIZED VIEW m AS SELECT * FROM t",
    ],
)
def test_who_else_sees_the_rows_is_asked_again_under_the_locks(
    empty_database: Database, change: str
):
    empty_database.execute("CREATE TABLE t (id int); INSERT INTO t VALUES (1)")
    what = wanted(a_table("t", id="integer"))
    with opened(empty_database) as existing:
        shown = existing.look(what)
        empty_database.execute(change)
        with pytest.raises(RestoreError, match="changed between"), existing.replacing(what, shown):
            pass
    assert ids(empty_database, "t") == [1]


def test_who_does_not_see_the_rows_any_more_is_no_reason_to_stop(empty_database: Database):
    empty_database.execute(
        "CREATE TABLE t (id int); CREATE PUBLICATION news FOR TABLE t;"
        "CREATE MATERIALIZED VIEW m AS SELECT * FROM t"
    )
    what = wanted(a_table("t", id="integer"))
    with opened(empty_database) as existing:
        shown = existing.look(what)
        empty_database.execute("DROP PUBLICATION news; DROP MATERIALIZED VIEW m")
        with existing.replacing(what, shown) as replacement:
            replacement.empty_tables()
            replacement.restore_guards()


def test_a_session_that_is_ended_while_it_waits_for_a_reader_is_explained(
    empty_database: Database,
):
    empty_database.execute("CREATE TABLE t (id int); INSERT INTO t VALUES (1)")
    ours = "application_name = 'orchestrator:replace-test' AND wait_event_type = 'Lock'"

    def end_it() -> None:
        query = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {ours}"
        while not empty_database.execute(query):
            pass

    with empty_database.connect() as reader:
        reader.execute("BEGIN; SELECT * FROM t")
        thread = threading.Thread(target=end_it)
        thread.start()
        with pytest.raises(SourceUnreachableError):
            replace_rows(empty_database, wanted(a_table("t", id="integer")), {})
        thread.join()
    assert ids(empty_database, "t") == [1]


def test_a_deferred_key_within_a_table_is_checked_before_anything_is_altered(
    empty_database: Database,
):
    empty_database.execute(
        "CREATE TABLE t (id int CONSTRAINT once UNIQUE DEFERRABLE INITIALLY DEFERRED);"
        "INSERT INTO t VALUES (5)"
    )
    what = wanted(a_table("t", id="integer"))
    with pytest.raises(RestoreError, match="once"):
        replace_rows(empty_database, what, {"t": "1\n1\n"})
    assert ids(empty_database, "t") == [5]


def test_a_key_that_leads_to_a_partitioned_table_comes_back(empty_database: Database):
    empty_database.execute(
        "CREATE TABLE p (id int PRIMARY KEY) PARTITION BY LIST (id);"
        "CREATE TABLE p_1 PARTITION OF p FOR VALUES IN (1);"
        "CREATE TABLE p_2 PARTITION OF p FOR VALUES IN (2); INSERT INTO p VALUES (1), (2);"
        "CREATE TABLE c (id int REFERENCES p) PARTITION BY LIST (id);"
        "CREATE TABLE c_2 PARTITION OF c FOR VALUES IN (2); INSERT INTO c VALUES (2)"
    )
    guards = guards_of(empty_database)
    replace_rows(empty_database, wanted(a_table("p_1", id="integer")), {})
    assert guards_of(empty_database) == guards
    with pytest.raises(RestoreError, match="orphaned"):
        replace_rows(empty_database, wanted(a_table("p_2", id="integer")), {})
    assert ids(empty_database, "p") == [2]


def test_a_commit_that_the_server_answers_with_a_rollback_is_no_success(empty_database: Database):
    empty_database.execute("CREATE TABLE t (id int); INSERT INTO t VALUES (1)")
    what = wanted(a_table("t", id="integer"))
    with opened(empty_database) as existing:
        with pytest.raises(RestoreError, match="rolled back"):
            replace_unheard(existing, what)
        assert ids(empty_database, "t") == [1]


def replace_unheard(existing: ExistingDatabase, what: Wanted) -> None:
    """Replace tables in a transaction that fails as by a cancelled keep-alive: nobody is told."""
    assert isinstance(existing, PostgresExistingDatabase)
    with existing.replacing(what, existing.look(what)) as replacement:
        replacement.empty_tables()
        replacement.restore_guards()
        existing._connection.pgconn.exec_(b"SELECT 1/0")
