"""One consistent moment, whatever the application does meanwhile (reference rules 2-4, 6-8)."""

import threading
import time
from datetime import timedelta

import psycopg
import pytest

from orchestrator.engines.postgres import psql_session
from orchestrator.errors import (
    AuthenticationFailedError,
    DatabaseMissingError,
    GaveWayError,
    IncompleteStreamError,
    LockTimeoutError,
    MissingPrivilegeError,
    RunTooLongError,
    SnapshotLostError,
    SourceError,
    SourceUnreachableError,
    TablesNotFoundError,
    UncoveredTableError,
)
from orchestrator.model.contents import BlockRange, SequenceState, TableName
from orchestrator.model.policy import OnUncovered, TableSelection
from tests.support.postgres import Database, Server
from tests.support.source_engine import RUN, open_snapshot, read_text, table_names

T = TableName("public", "t")


def lines(text: bytes) -> int:
    return text.count(b"\n")


def test_rows_written_after_the_snapshot_are_not_read(empty_database: Database) -> None:
    empty_database.execute("CREATE TABLE t AS SELECT generate_series(1, 1000) AS id")
    with open_snapshot(empty_database.url, empty_database.name) as snapshot:
        empty_database.execute("INSERT INTO t SELECT generate_series(1001, 5000)")
        empty_database.execute("DELETE FROM t WHERE id <= 500")
        assert lines(read_text(snapshot, T)) == 1000


def test_all_workers_see_the_same_moment(empty_database: Database) -> None:
    empty_database.execute("CREATE TABLE t AS SELECT generate_series(1, 1000) AS id")
    with open_snapshot(empty_database.url, empty_database.name) as snapshot:
        empty_database.execute("UPDATE t SET id = -id")
        first, second = (read_text(snapshot, T, reader) for reader in snapshot.readers)
        assert first == second
        assert b"-" not in first


@pytest.mark.parametrize(
    "statement",
    ["TRUNCATE t", "ALTER TABLE t ALTER COLUMN id TYPE bigint", "DROP TABLE t", "VACUUM FULL t"],
)
def test_what_would_empty_the_snapshot_waits_for_its_end(
    empty_database: Database, statement: str
) -> None:
    empty_database.execute("CREATE TABLE t AS SELECT generate_series(1, 1000) AS id")
    with open_snapshot(empty_database.url, empty_database.name) as snapshot:
        waiting = threading.Thread(target=empty_database.execute, args=[statement])
        waiting.start()
        time.sleep(0.2)
        assert lines(read_text(snapshot, T)) == 1000
        assert waiting.is_alive()
    waiting.join(timeout=10)
    assert not waiting.is_alive()


def test_a_table_held_exclusively_is_named_with_its_holder(empty_database: Database) -> None:
    empty_database.execute("CREATE TABLE t(id int)")
    with empty_database.connect() as holder:
        holder.execute("BEGIN; LOCK TABLE t IN ACCESS EXCLUSIVE MODE")
        pid = holder.info.backend_pid
        with (
            pytest.raises(LockTimeoutError, match=rf"session {pid} holds (public\.)?t"),
            open_snapshot(
                empty_database.url, empty_database.name, lock_timeout=timedelta(seconds=1)
            ),
        ):
            pass


def test_a_lock_that_is_released_in_time_is_waited_for(empty_database: Database) -> None:
    empty_database.execute("CREATE TABLE t AS SELECT 1 AS id")
    holder = empty_database.connect()
    holder.execute("BEGIN; LOCK TABLE t IN ACCESS EXCLUSIVE MODE")
    threading.Timer(1, holder.close).start()
    with open_snapshot(
        empty_database.url, empty_database.name, lock_timeout=timedelta(seconds=10)
    ) as snapshot:
        assert lines(read_text(snapshot, T)) == 1


def test_a_terminated_coordinator_is_noticed(empty_database: Database) -> None:
    empty_database.execute("CREATE TABLE t AS SELECT generate_series(1, 10) AS id")
    with open_snapshot(empty_database.url, empty_database.name) as snapshot:
        snapshot.check()
        snapshot.dump_schema()
        empty_database.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            f" WHERE application_name = 'orchestrator:{RUN}'"
        )
        with pytest.raises(SnapshotLostError):
            snapshot.check()
        with pytest.raises(SourceError):
            read_text(snapshot, T)


def test_a_stream_that_ends_early_is_no_success(empty_database: Database) -> None:
    empty_database.execute(
        "CREATE TABLE t AS SELECT generate_series(1, 300000) AS id, repeat('x', 100) AS filler"
    )
    with open_snapshot(empty_database.url, empty_database.name) as snapshot:
        snapshot.dump_schema()
        seen: list[int] = []

        def terminate_after_a_megabyte(block: bytes) -> None:
            seen.append(len(block))
            if sum(seen) > 1_000_000 and len(seen) < 1000:
                empty_database.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'COPY%'"
                )
                seen.extend([0] * 1000)

        table = snapshot.contents.tables[0]
        with pytest.raises(SourceError):
            snapshot.readers[0].read_table(table, BlockRange(0, None), terminate_after_a_megabyte)


def test_partitions_are_read_as_tables_of_their_own(empty_database: Database) -> None:
    empty_database.execute(
        "CREATE TABLE log(id int) PARTITION BY RANGE (id);"
        "CREATE TABLE log_a PARTITION OF log FOR VALUES FROM (0) TO (100);"
        "CREATE TABLE log_b PARTITION OF log FOR VALUES FROM (100) TO (200);"
        "INSERT INTO log SELECT generate_series(0, 199)"
    )
    selection = TableSelection(include=("public.log",))
    with open_snapshot(empty_database.url, empty_database.name, selection=selection) as snapshot:
        assert table_names(snapshot) == ["public.log_a", "public.log_b"]
        assert lines(read_text(snapshot, TableName("public", "log_b"))) == 100
        assert snapshot.contents.tables[0].partition_of == TableName("public", "log")


def test_rows_of_inheriting_tables_are_read_once(empty_database: Database) -> None:
    empty_database.execute(
        "CREATE TABLE base(id int); CREATE TABLE child() INHERITS (base);"
        "INSERT INTO base VALUES (1); INSERT INTO child VALUES (2)"
    )
    with open_snapshot(
        empty_database.url, empty_database.name, blocks_per_chunk={"public.base": 1}
    ) as snapshot:
        assert read_text(snapshot, TableName("public", "base")) == b"1\n"
        assert read_text(snapshot, TableName("public", "child")) == b"2\n"


def test_ranges_join_to_the_whole_table(empty_database: Database) -> None:
    empty_database.execute(
        "CREATE TABLE t AS SELECT generate_series(1, 20000) AS id; DELETE FROM t WHERE id % 3 = 0"
    )
    with open_snapshot(
        empty_database.url, empty_database.name, blocks_per_chunk={"public.t": 4}
    ) as snapshot:
        assert len(snapshot.contents.ranges[0]) > 10
        ids = sorted(map(int, read_text(snapshot, T).split()))
    assert ids == [number for number in range(1, 20001) if number % 3]


def test_hostile_names_are_only_names(empty_database: Database) -> None:
    hostile = [
        'quo"te',
        "new\nline",
        "st*r",
        "-dash",
        "do$lar",
        "per%cent",
        ":colon",
        "Ünï",
        "back\\s",
        "semi;",
    ]
    with empty_database.connect() as connection:
        for number, name in enumerate(hostile):
            quoted = '"' + name.replace('"', '""') + '"'
            connection.execute(f"CREATE TABLE {quoted} AS SELECT {number} AS {quoted}".encode())
    with open_snapshot(empty_database.url, empty_database.name) as snapshot:
        for number, name in enumerate(hostile):
            assert read_text(snapshot, TableName("public", name)) == f"{number}\n".encode()


def test_generated_columns_are_left_out_and_a_table_may_have_no_column(
    empty_database: Database,
) -> None:
    empty_database.execute(
        "CREATE TABLE t(a int, b int GENERATED ALWAYS AS (a * 2) STORED);"
        "INSERT INTO t VALUES (1); CREATE TABLE nothing(); INSERT INTO nothing DEFAULT VALUES"
    )
    with open_snapshot(empty_database.url, empty_database.name) as snapshot:
        assert read_text(snapshot, T) == b"1\n"
        assert read_text(snapshot, TableName("public", "nothing")) == b"\n"


def test_settings_of_the_database_do_not_change_the_text(empty_database: Database) -> None:
    empty_database.execute(
        "CREATE TABLE t AS SELECT '2026-11-22'::date AS d, 0.1::float8 + 0.2 AS f, '\\x00ff'::bytea"
    )
    empty_database.execute(
        f"ALTER DATABASE \"{empty_database.name}\" SET datestyle = 'German';"
        f'ALTER DATABASE "{empty_database.name}" SET extra_float_digits = -3;'
        f"ALTER DATABASE \"{empty_database.name}\" SET bytea_output = 'escape'"
    )
    with open_snapshot(empty_database.url, empty_database.name) as snapshot:
        assert read_text(snapshot, T) == b"2026-11-22\t0.30000000000000004\t\\\\x00ff\n"


def test_a_latin1_database_travels_in_its_own_bytes(postgres_server: Server) -> None:
    database = postgres_server.create_database(options="ENCODING 'LATIN1' LOCALE 'C'")
    database.execute("CREATE TABLE t AS SELECT chr(233) AS e")
    with open_snapshot(database.url, database.name) as snapshot:
        assert read_text(snapshot, T) == "é\n".encode("latin-1")


def test_sequences_are_read_with_their_present_values(empty_database: Database) -> None:
    empty_database.execute(
        "CREATE SEQUENCE used; SELECT nextval('used'), nextval('used'); CREATE SEQUENCE unused START 7"
    )
    with open_snapshot(empty_database.url, empty_database.name) as snapshot:
        assert list(snapshot.read_sequences()) == [
            SequenceState(name=TableName("public", "unused"), last_value=7, is_called=False),
            SequenceState(name=TableName("public", "used"), last_value=2, is_called=True),
        ]


def test_large_objects_are_read_with_offsets(empty_database: Database) -> None:
    empty_database.execute(
        "SELECT lo_from_bytea(4711, decode(repeat('ab', 3000), 'hex'));"
        "COMMENT ON LARGE OBJECT 4711 IS 'scan'"
    )
    rows: list[bytes] = []
    with open_snapshot(empty_database.url, empty_database.name) as snapshot:
        (part,) = snapshot.contents.large_object_ranges
        assert snapshot.readers[0].read_large_objects(part, rows.append) == 2
        assert snapshot.contents.large_objects[0].comment == "scan"
    assert [row.split(b"\t")[:2] for row in b"".join(rows).splitlines()] == [
        [b"4711", b"0"],
        [b"4711", b"2048"],
    ]


def test_a_foreign_table_is_listed_as_left_out(empty_database: Database) -> None:
    empty_database.execute(
        "CREATE FOREIGN DATA WRAPPER nowhere; CREATE SERVER far FOREIGN DATA WRAPPER nowhere;"
        "CREATE FOREIGN TABLE remote(id int) SERVER far; CREATE UNLOGGED TABLE t AS SELECT 1 AS id"
    )
    with open_snapshot(empty_database.url, empty_database.name) as snapshot:
        assert [item.name for item in snapshot.contents.left_out] == ["public.remote"]
        assert [(str(t.name), t.unlogged) for t in snapshot.contents.tables] == [("public.t", True)]


def test_schema_and_globals_are_of_the_whole_server(
    empty_database: Database, postgres_server: Server
) -> None:
    role = postgres_server.create_role(options="CREATEDB")
    empty_database.execute("CREATE TABLE t(id int); CREATE TABLE other(id int)")
    selection = TableSelection(include=("public.t",))
    with open_snapshot(empty_database.url, empty_database.name, selection=selection) as snapshot:
        assert snapshot.dump_schema().startswith(b"PGDMP")
        assert b"other" in snapshot.dump_schema()
        assert role.name.encode() in snapshot.dump_globals()
        assert b"SCRAM-SHA-256" not in snapshot.dump_globals()
        assert snapshot.contents.uncovered == (TableName("public", "other"),)
        assert role.name in [found.name for found in snapshot.contents.roles]


def test_no_session_and_no_child_remains(empty_database: Database) -> None:
    empty_database.execute("CREATE TABLE t AS SELECT 1 AS id")
    with open_snapshot(empty_database.url, empty_database.name) as snapshot:
        assert f"orchestrator:{RUN}" in empty_database.server.sessions()
        read_text(snapshot, T)
    deadline = time.monotonic() + 3
    while f"orchestrator:{RUN}" in empty_database.server.sessions():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_pattern_without_a_table_is_refused(empty_database: Database) -> None:
    empty_database.execute("CREATE TABLE t(id int)")
    selection = TableSelection(include=("public.t", "public.gone"))
    with (
        pytest.raises(TablesNotFoundError, match=r"public\.gone"),
        open_snapshot(empty_database.url, empty_database.name, selection=selection),
    ):
        pass


def test_an_uncovered_table_fails_where_the_policy_says_so(empty_database: Database) -> None:
    empty_database.execute("CREATE TABLE t(id int); CREATE TABLE new(id int)")
    selection = TableSelection(include=("public.t",), on_uncovered=OnUncovered.FAIL)
    with (
        pytest.raises(UncoveredTableError, match=r"public\.new"),
        open_snapshot(empty_database.url, empty_database.name, selection=selection),
    ):
        pass


def test_every_missing_grant_is_listed_as_ready_sql(
    empty_database: Database, postgres_server: Server
) -> None:
    role = postgres_server.create_role()
    empty_database.execute(
        "CREATE SCHEMA hidden; CREATE TABLE hidden.t(id int); CREATE SEQUENCE s;"
        "CREATE TABLE safe(id int); ALTER TABLE safe ENABLE ROW LEVEL SECURITY;"
        f'GRANT SELECT ON safe TO "{role.name}"; SELECT lo_create(0)'
    )
    url = empty_database.url_for(role)
    with pytest.raises(MissingPrivilegeError) as caught, open_snapshot(url, empty_database.name):
        pass
    statements = caught.value.next_step.splitlines()[1:]
    assert len(statements) == 5
    for statement in statements:
        empty_database.execute(statement)
    with open_snapshot(url, empty_database.name) as snapshot:
        assert table_names(snapshot) == ["hidden.t", "public.safe"]


def test_whoever_waits_for_the_backup_makes_it_give_way(empty_database: Database) -> None:
    empty_database.execute("CREATE TABLE t AS SELECT generate_series(1, 10) AS id")
    with open_snapshot(
        empty_database.url, empty_database.name, yield_after=timedelta(seconds=1)
    ) as snapshot:
        waiting = threading.Thread(target=empty_database.execute, args=["ALTER TABLE t ADD c int"])
        waiting.start()
        time.sleep(4.5)
        with pytest.raises(GaveWayError, match="waited"):
            snapshot.check()
        with pytest.raises(GaveWayError):
            read_text(snapshot, T)
    waiting.join(timeout=10)
    assert not waiting.is_alive()


def test_a_run_longer_than_allowed_is_broken_off(empty_database: Database) -> None:
    empty_database.execute("CREATE TABLE t AS SELECT 1 AS id")
    with open_snapshot(
        empty_database.url, empty_database.name, max_duration=timedelta(seconds=1)
    ) as snapshot:
        snapshot.dump_schema()
        time.sleep(1.1)
        with pytest.raises(RunTooLongError):
            snapshot.check()


def test_wrong_password_missing_database_and_dead_server_have_their_own_errors(
    empty_database: Database,
) -> None:
    url = empty_database.url
    wrong = psycopg.conninfo.make_conninfo(url, password="wrong")
    dead = psycopg.conninfo.make_conninfo(url, port="1")
    for address, database, expected in (
        (wrong, empty_database.name, AuthenticationFailedError),
        (url, "nowhere", DatabaseMissingError),
        (dead, empty_database.name, SourceUnreachableError),
    ):
        with pytest.raises(expected) as caught, open_snapshot(address, database):
            pass
        assert "wrong" not in str(caught.value)


def test_a_database_named_like_a_connection_string_is_only_a_name(postgres_server: Server) -> None:
    name = "host=evil sslmode=disable 'x' \\"
    database = postgres_server.create_database(name)
    database.execute("CREATE TABLE t AS SELECT 1 AS id")
    with open_snapshot(postgres_server.url(), name) as snapshot:
        assert read_text(snapshot, T) == b"1\n"
        assert snapshot.dump_schema().startswith(b"PGDMP")
        assert snapshot.contents.properties.name == name


def test_a_long_stream_arrives_whole_and_in_order_while_its_reader_naps(
    empty_database: Database,
) -> None:
    empty_database.execute("CREATE TABLE t AS SELECT generate_series(1, 400000) AS id")
    blocks: list[bytes] = []
    with open_snapshot(empty_database.url, empty_database.name) as snapshot:
        table = snapshot.contents.tables[0]
        rows = snapshot.readers[0].read_table(table, BlockRange(0, None), blocks.append)
    assert rows == 400_000
    assert b"".join(blocks) == b"".join(b"%d\n" % number for number in range(1, 400_001))
    assert sum(map(len, blocks)) > 4 * psql_session.LONG_STREAM_BYTES
    assert max(map(len, blocks)) <= psql_session.READ_BYTES


def test_a_count_that_differs_from_the_lines_is_refused(
    empty_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A kernel or client that loses bytes cannot be had to order; the reader is made to.
    empty_database.execute("CREATE TABLE t AS SELECT generate_series(1, 1000) AS id")
    real = psql_session._read_available

    def losing(reader: int) -> bytes | None:
        block = real(reader)
        return block[: block.rindex(b"\n", 0, -1) + 1] if block and len(block) > 2 else block

    with open_snapshot(empty_database.url, empty_database.name) as snapshot:
        monkeypatch.setattr(psql_session, "_read_available", losing)
        with pytest.raises(IncompleteStreamError, match="1000 rows, but 99"):
            read_text(snapshot, T)
