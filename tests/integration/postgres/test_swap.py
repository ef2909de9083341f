"""Databases exchange their names at once, whoever is connected (postgres.md §1, rule 5)."""

import os
import threading
from collections.abc import Callable
from datetime import timedelta

import psycopg
import pytest

from orchestrator.engines.postgres.restore.swapping import PostgresSwapper
from orchestrator.errors import DatabaseMissingError, RestoreError
from orchestrator.model.contents import BlockRange, Chunk, TableData, TableName
from orchestrator.model.names import ObjectKey
from orchestrator.model.secret import Secret
from orchestrator.ports.restoring.swapping import ChangedTable, SwapRequest, SwapResult
from tests.support.postgres import Database, Role
from tests.support.replacing import a_table

SWAPPER = PostgresSwapper(environment=dict(os.environ))


def a_request(old: Database, restored: str, role: Role | None = None) -> SwapRequest:
    return SwapRequest(
        url=Secret(old.server.url("postgres", role), "the test"),
        name=old.name,
        restored=restored,
        kept_as=f"{old.name}_before",
        application_name="orchestrator:swap-test",
        patience=timedelta(seconds=10),
    )


def with_rows(table: str, rows: int) -> TableData:
    chunk = Chunk(
        range=BlockRange(0, None),
        key=ObjectKey("k"),
        rows=rows,
        text_bytes=rows,
        stored_bytes=rows,
        sha256="",
    )
    return TableData(table=a_table(table, id="integer"), chunks=(chunk,))


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
    tables = [with_rows("t", 1), with_rows("gone", 4), with_rows("same", 0)]
    result = SWAPPER.swap(request, tables)
    assert empty_database.execute("SELECT relname FROM pg_class WHERE relname = 'new'")
    assert len(server.database(request.kept_as).execute("SELECT * FROM t")) == 3
    assert result == SwapResult(
        changed=(
            ChangedTable(name=TableName("public", "later"), then=None, now=0),
            ChangedTable(name=TableName("public", "t"), then=1, now=3),
            ChangedTable(name=TableName("public", "gone"), then=4, now=None),
        ),
        ended_sessions=0,
        notes=(),
    )


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
        result = SWAPPER.swap(a_request(empty_database, restored.name), [])
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
        SWAPPER.swap(request, [])
    assert empty_database.execute("SELECT 1") == [(1,)]
    assert request.kept_as not in empty_database.server.database_names()


def test_a_role_that_may_not_rename_is_told_before_anything_is_built(empty_database: Database):
    role = empty_database.server.create_role()
    with pytest.raises(RestoreError, match="may not rename"):
        SWAPPER.require_swappable(a_request(empty_database, "new", role))


def test_a_database_that_is_not_there_is_not_swapped(empty_database: Database):
    missing = Database("missing", empty_database.server)
    with pytest.raises(DatabaseMissingError, match="to be swapped"):
        SWAPPER.require_swappable(a_request(missing, "new"))


def test_sessions_of_other_databases_go_on(empty_database: Database):
    restored = empty_database.server.create_database()
    with empty_database.server.create_database().connect() as other:
        SWAPPER.swap(a_request(empty_database, restored.name), [])
        assert other.execute("SELECT 1").fetchall() == [(1,)]
