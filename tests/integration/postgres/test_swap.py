"""Databases exchange their names at once, whoever is connected (postgres.md §1, rule 5)."""

import os
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import psycopg
import pytest

from orchestrator.engines.postgres.restore.swap.swapping import PostgresSwapper
from orchestrator.errors import DatabaseMissingError, ReplaceRefusedError, RestoreError
from orchestrator.model.secret import Secret
from orchestrator.ports.restoring.swapping import (
    ChangedTable,
    SwapDifferences,
    SwapRequest,
    SwapResult,
)
from tests.support.marks import a_name, details_of
from tests.support.postgres import Database, Role

SWAPPER = PostgresSwapper(environment=dict(os.environ))
NOTHING = details_of()


def a_request(old: Database, restored: str, role: Role | None = None) -> SwapRequest:
    return SwapRequest(
        url=Secret(old.server.url("postgres", role), "the test"),
        name=old.name,
        restored=restored,
        kept_as=f"{old.name}_before",
        application_name="orchestrator:swap-test",
        patience=timedelta(seconds=10),
    )


def in_the_background(work: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=work)
    thread.start()
    return thread


def test_the_restored_database_takes_the_name_and_writes_since_are_counted(
    empty_database: Database,
):
    server = empty_database.server
    restored = server.create_database()
    restored.execute("CREATE TABLE new (id int)")
    empty_database.execute("CREATE TABLE t (id int); INSERT INTO t VALUES (1), (2), (3)")
    empty_database.execute("CREATE TABLE later (id int); CREATE TABLE same (id int)")
    request = a_request(empty_database, restored.name)
    result = SWAPPER.swap(request, details_of(t=1, gone=4, same=0))
    assert empty_database.execute("SELECT relname FROM pg_class WHERE relname = 'new'")
    assert len(server.database(request.kept_as).execute("SELECT * FROM t")) == 3
    written = (
        ChangedTable(name=a_name("later"), then=None, now=0),
        ChangedTable(name=a_name("t"), then=1, now=3),
        ChangedTable(name=a_name("gone"), then=4, now=None),
    )
    differences = SwapDifferences(written=written, not_backed_up=())
    assert result == SwapResult(differences, ended_sessions=0, notes=())


def test_sessions_that_come_back_again_and_again_are_ended(empty_database: Database):
    restored = empty_database.server.create_database()
    restored.execute("CREATE TABLE new (id int)")
    stop = threading.Event()

    def come_back() -> None:
        while not stop.is_set():
            try:
                with empty_database.connect() as connection:
                    connection.execute("SELECT pg_sleep(0.05)")
            except psycopg.OperationalError:
                continue

    threads = [in_the_background(come_back) for _ in range(3)]
    stays = empty_database.connect()
    try:
        result = SWAPPER.swap(a_request(empty_database, restored.name), NOTHING)
    finally:
        stays.close()
        stop.set()
        for thread in threads:
            thread.join()
    assert result.ended_sessions >= 1
    assert empty_database.execute("SELECT relname FROM pg_class WHERE relname = 'new'")


def test_a_swap_that_fails_leaves_both_names(empty_database: Database):
    request = a_request(empty_database, "nowhere")
    with pytest.raises(RestoreError, match="nowhere"):
        SWAPPER.swap(request, NOTHING)
    assert empty_database.execute("SELECT 1") == [(1,)]
    assert request.kept_as not in empty_database.server.database_names()


def test_a_role_that_may_not_rename_is_told_before_anything_is_built(empty_database: Database):
    role = empty_database.server.create_role()
    with pytest.raises(ReplaceRefusedError, match="may not rename"):
        SWAPPER.look(a_request(empty_database, "new", role), NOTHING)


def test_a_database_that_is_not_there_is_not_swapped(empty_database: Database):
    missing = Database("missing", empty_database.server)
    with pytest.raises(DatabaseMissingError, match="to be swapped"):
        SWAPPER.look(a_request(missing, "new"), NOTHING)


def test_sessions_of_other_databases_go_on(empty_database: Database):
    restored = empty_database.server.create_database()
    with empty_database.server.create_database().connect() as other:
        SWAPPER.swap(a_request(empty_database, restored.name), NOTHING)
        assert other.execute("SELECT 1").fetchall() == [(1,)]


# ------------------------------------------------------------------ looking before
def looked(database: Database, **rows: int) -> SwapDifferences:
    return SWAPPER.look(a_request(database, "new"), details_of(**rows)).differences


def test_tables_that_the_policy_leaves_out_are_told_from_those_that_came_later(
    empty_database: Database,
):
    empty_database.execute(
        "CREATE TABLE sessions (id int); INSERT INTO sessions VALUES (1), (2);"
        "CREATE TABLE later (id int); CREATE SCHEMA other; CREATE TABLE other.t AS SELECT 1 AS id"
    )
    # The selection of these details is `public.*` without `public.sessions`.
    assert looked(empty_database) == SwapDifferences(
        written=(ChangedTable(name=a_name("later"), then=None, now=0),),
        not_backed_up=(
            ChangedTable(name=a_name("other.t"), then=None, now=1),
            ChangedTable(name=a_name("sessions"), then=None, now=2),
        ),
    )


def test_a_pattern_that_lost_its_table_leaves_it_to_the_backup_to_say_what_it_lacks(
    empty_database: Database,
):
    empty_database.execute("CREATE TABLE sessions AS SELECT 1 AS id")
    details = replace(details_of(), selection_include=("public.gone", "public.*"))
    found = SWAPPER.look(a_request(empty_database, "new"), details).differences
    assert [str(one.name) for one in found.not_backed_up] == ["public.sessions"]


def owned_by(role: Role, database: Database) -> None:
    database.execute(f'ALTER DATABASE "{database.name}" OWNER TO {role.name}')


def test_what_a_role_cannot_count_is_named_as_ready_sql(empty_database: Database):
    role = empty_database.server.create_role(options="CREATEDB")
    owned_by(role, empty_database)
    empty_database.execute(
        "CREATE SCHEMA hidden; CREATE TABLE hidden.t (id int);"
        f"CREATE TABLE r (id int); GRANT SELECT ON r TO {role.name};"
        "ALTER TABLE r ENABLE ROW LEVEL SECURITY"
    )
    request = a_request(empty_database, "new", role)
    with pytest.raises(ReplaceRefusedError) as refused:
        SWAPPER.look(request, NOTHING)
    _, *remedy = refused.value.next_step.splitlines()
    for statement in remedy:
        empty_database.execute(statement.partition("--")[0])
    assert [line.split()[0] for line in remedy] == ["GRANT", "GRANT", "ALTER"]
    assert SWAPPER.look(request, NOTHING).differences.written


def test_what_cannot_be_counted_afterwards_is_unknown_and_not_nothing(empty_database: Database):
    server = empty_database.server
    role = server.create_role(options="CREATEDB")
    restored = server.create_database()
    for database in (empty_database, restored):
        owned_by(role, database)
    empty_database.execute("CREATE TABLE of_others (id int)")
    result = SWAPPER.swap(a_request(empty_database, restored.name, role), NOTHING)
    assert result.differences is None
    assert "of_others" in result.notes[0]
    assert empty_database.execute("SELECT to_regclass('of_others')") == [(None,)]


# ------------------------------------------------------------------ sessions and comments
def test_sessions_in_the_restored_database_are_ended_too(empty_database: Database):
    restored = empty_database.server.create_database()
    session = restored.connect()
    result = SWAPPER.swap(a_request(empty_database, restored.name), NOTHING)
    with pytest.raises(psycopg.OperationalError):
        session.execute("SELECT 1")
    assert result.ended_sessions == 0


def test_sessions_that_may_not_be_ended_are_named_and_both_names_stay(empty_database: Database):
    server = empty_database.server
    role = server.create_role(options="CREATEDB")
    restored = server.create_database()
    for database in (empty_database, restored):
        owned_by(role, database)
    request = a_request(empty_database, restored.name, role)
    # The old database is free: it is the second of the two renames that fails.
    with restored.connect() as session:
        with pytest.raises(RestoreError, match="could not be renamed") as failed:
            SWAPPER.swap(replace(request, patience=timedelta(0)), NOTHING)
        assert session.execute("SELECT 1").fetchall() == [(1,)]
    assert "sessions of postgres are connected" in failed.value.next_step
    assert {empty_database.name, restored.name} <= set(server.database_names())
    assert request.kept_as not in server.database_names()


def test_sessions_of_strangers_are_told_before(empty_database: Database):
    role = empty_database.server.create_role(options="CREATEDB")
    owned_by(role, empty_database)
    with empty_database.connect():
        outlook = SWAPPER.look(a_request(empty_database, "new", role), NOTHING)
    assert "sessions of postgres are connected" in outlook.notes[0]


def test_a_restored_database_keeps_its_identity_under_its_new_name(empty_database: Database):
    restored = empty_database.server.create_database()
    request = a_request(empty_database, restored.name)
    identity = SWAPPER.identify_restored(request)
    SWAPPER.swap(request, NOTHING)
    (found,) = empty_database.execute(
        "SELECT oid FROM pg_database WHERE datname = current_database()"
    )
    assert identity.database_oid == found[0]
    with pytest.raises(RestoreError, match="gone"):
        SWAPPER.identify_restored(request)


def test_a_name_that_a_swap_before_left_taken_is_said_with_what_drops_it(empty_database: Database):
    restored = empty_database.server.create_database()
    with pytest.raises(ReplaceRefusedError) as refused:
        SWAPPER.look(a_request(empty_database, restored.name), NOTHING)
    assert f'DROP DATABASE "{restored.name}"' in refused.value.next_step
