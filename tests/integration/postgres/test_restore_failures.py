"""A restore that cannot be finished says why, and leaves only the temporary name."""

import os
import subprocess
from collections.abc import Iterator

import pytest

from orchestrator.engines.postgres.set_aside import RESTORING
from orchestrator.errors import RestoreError, TargetExistsError
from tests.support.postgres import Database
from tests.support.restoring import (
    APPLICATION_NAME,
    TEMPORARY_NAME,
    PlainBackup,
    being_restored,
    load,
    restore,
    take_plain_backup,
    with_properties,
)


def ours(database: Database) -> list[str]:
    return [n for n in database.server.database_names() if n in {"restored", TEMPORARY_NAME}]


def sessions(database: Database) -> list[str]:
    return [name for name in database.server.sessions() if name == APPLICATION_NAME]


def test_a_name_that_is_taken_is_refused_and_untouched(empty_database: Database):
    taken = empty_database.server.create_database("restored")
    taken.execute("CREATE TABLE precious (i int)")
    with pytest.raises(TargetExistsError, match="'restored'"):
        restore(empty_database)
    assert ours(empty_database) == ["restored"]
    assert taken.execute("SELECT count(*) FROM precious") == [(0,)]


def test_a_name_taken_during_the_restore_is_refused_at_the_end(empty_database: Database):
    backup = take_plain_backup(empty_database)
    with being_restored(empty_database, backup) as database:
        load(database, backup)
        empty_database.server.create_database("restored")
        with pytest.raises(TargetExistsError):
            database.publish()
    assert ours(empty_database) == ["restored", TEMPORARY_NAME]


def test_a_name_longer_than_the_server_keeps_is_refused(empty_database: Database):
    with pytest.raises(RestoreError, match="63 bytes"):
        restore(empty_database, final_name="ü" * 32)


def restore_wrong_rows(source: Database, backup: PlainBackup) -> None:
    with being_restored(source, backup) as database:
        database.restore_pre_data(backup.archive, backup.details)
        table = backup.details.tables[0].table
        database.loaders[0].load_table(table, [b"1\n", b"not a number\n"])


def test_a_failure_midway_leaves_the_temporary_name_and_the_command_that_drops_it(
    empty_database: Database,
):
    empty_database.execute("CREATE TABLE t (i int); INSERT INTO t VALUES (1)")
    backup = take_plain_backup(empty_database)
    with pytest.raises(RestoreError, match=r"public\.t: .*invalid input syntax") as caught:
        restore_wrong_rows(empty_database, backup)
    assert ours(empty_database) == [TEMPORARY_NAME]
    assert sessions(empty_database) == []
    command = caught.value.next_step.rpartition("drop it with ")[2]
    password = empty_database.server.cluster.password
    subprocess.run(command, shell=True, check=True, env={**os.environ, "PGPASSWORD": password})  # noqa: S602 - a user would paste it into a shell
    assert ours(empty_database) == []


def test_rows_whose_source_fails_are_not_kept(empty_database: Database):
    empty_database.execute("CREATE TABLE t (i int)")
    backup = take_plain_backup(empty_database)
    table = backup.details.tables[0].table

    def damaged() -> Iterator[bytes]:
        yield b"1\n"
        raise LookupError("a chunk is damaged")

    with being_restored(empty_database, backup) as database:
        database.restore_pre_data(backup.archive, backup.details)
        with pytest.raises(LookupError, match="a chunk is damaged"):
            database.loaders[0].load_table(table, damaged())
        assert database.loaders[0].load_table(table, [b"7\n", b"", b"8\n9", b"\n"]) == 3
        assert database.count_rows([table]) == [3]


# PostgreSQL 17 would not let anybody create these with the unqualified name; a function replaced
# later, or an older server, gets there all the same.
INNER_CALL = """
CREATE TABLE t (x text); INSERT INTO t VALUES ('a');
CREATE FUNCTION inner_one(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT upper($1)';
CREATE FUNCTION outer_one(text) RETURNS text LANGUAGE plpgsql IMMUTABLE
  AS 'BEGIN RETURN public.inner_one($1); END';
{};
CREATE OR REPLACE FUNCTION outer_one(text) RETURNS text LANGUAGE plpgsql IMMUTABLE
  AS 'BEGIN RETURN inner_one($1); END'
"""
FAILING_INDEX = INNER_CALL.format("CREATE INDEX by_function ON t (outer_one(x))")
FAILING_VIEW = INNER_CALL.format(
    "CREATE MATERIALIZED VIEW by_function AS SELECT outer_one(x) FROM t"
)
FAILING_CHECK = """
CREATE TABLE a (i int); CREATE TABLE b (i int); INSERT INTO b VALUES (1);
CREATE FUNCTION known(int) RETURNS boolean LANGUAGE sql AS 'SELECT EXISTS (SELECT FROM public.b WHERE i = $1)';
ALTER TABLE a ADD CONSTRAINT is_known CHECK (known(i)); INSERT INTO a VALUES (1);
DELETE FROM b;
"""


def test_a_view_whose_function_fails_stays_empty_and_is_listed(empty_database: Database):
    empty_database.execute(FAILING_VIEW)
    restored, (skipped,) = restore(empty_database)
    assert (skipped.kind, skipped.name) == ("MATERIALIZED VIEW DATA", "public.by_function")
    assert "inner_one" in skipped.reason
    assert restored.execute("SELECT * FROM t") == [("a",)]


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        pytest.param(FAILING_INDEX, r"by_function.*inner_one.*does not exist", id="index"),
        pytest.param(FAILING_CHECK, r"is_known of public\.a.*23514", id="check"),
    ],
)
def test_what_the_server_refuses_is_an_error_in_its_words(
    empty_database: Database, schema: str, words: str
):
    empty_database.execute(schema)
    with pytest.raises(RestoreError, match=f"(?s){words}"):
        restore(empty_database)
    assert ours(empty_database) == [TEMPORARY_NAME]
    assert sessions(empty_database) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"collate": "xx_XX.UTF-8"}, "xx_XX"),
        ({"locale_provider": "icu", "locale": "nosuchtongue"}, "nosuchtongue"),
        ({"locale_provider": "runes"}, "runes"),
        ({"locale_provider": "builtin", "locale": "C.UTF-9"}, "C.UTF-9"),
    ],
    ids=["collate", "icu", "provider", "builtin"],
)
def test_a_locale_that_the_server_does_not_know_is_refused_by_name(
    empty_database: Database, changes: dict[str, str], words: str
):
    backup = with_properties(take_plain_backup(empty_database), **changes)
    with pytest.raises(RestoreError, match=words), being_restored(empty_database, backup):
        pass
    assert ours(empty_database) == []


def test_what_a_required_entry_builds_on_is_named_when_it_was_refused(empty_database: Database):
    role = empty_database.server.create_role(options="CREATEDB")
    empty_database.execute(
        "CREATE EXTENSION pageinspect; CREATE VIEW v AS SELECT * FROM page_header('\\x'::bytea)"
    )
    with pytest.raises(RestoreError, match=r"VIEW public\.v.*EXTENSION pageinspect"):
        restore(empty_database, role=role)


def test_an_unknown_database_under_the_temporary_name_is_left_alone(empty_database: Database):
    other = empty_database.server.create_database(TEMPORARY_NAME)
    other.execute("CREATE TABLE precious (i int)")
    with pytest.raises(RestoreError, match="no restore created"):
        restore(empty_database)
    assert other.execute("SELECT count(*) FROM precious") == [(0,)]


@pytest.mark.parametrize("state", ["marked", "just created"])
def test_what_a_killed_restore_left_is_replaced(empty_database: Database, state: str):
    options = "ALLOW_CONNECTIONS false" if state == "just created" else ""
    left = empty_database.server.create_database(TEMPORARY_NAME, options=options)
    if state == "marked":
        left.execute(f"COMMENT ON DATABASE \"{TEMPORARY_NAME}\" IS '{RESTORING}'")
    restored, _ = restore(empty_database)
    assert ours(restored) == ["restored"]


def test_two_restores_under_one_temporary_name_do_not_meet(empty_database: Database):
    backup = take_plain_backup(empty_database)
    with being_restored(empty_database, backup) as database:
        load(database, backup)
        with pytest.raises(RestoreError, match="right now"):
            restore(empty_database)
        database.publish()
    assert ours(empty_database) == ["restored"]
