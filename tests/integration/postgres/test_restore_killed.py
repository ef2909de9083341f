"""A restore that is killed leaves the temporary name alone, and the next one works."""

import pickle
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.postgres import Database
from tests.support.restoring import (
    APPLICATION_NAME,
    TEMPORARY_NAME,
    PlainBackup,
    a_request,
    being_restored,
    load,
    take_plain_backup,
)

CHILD = """
import os, pickle, sys, time
from orchestrator.engines.postgres.restore.target import PostgresTarget
from tests.support.restoring import load
request, backup = pickle.load(open(sys.argv[1], "rb"))
target = PostgresTarget(environment=dict(os.environ))
with target.create_database(request, backup.details.properties) as database:
    load(database, backup)
    time.sleep(60)
"""

SLOW_INDEX = """
CREATE TABLE t (i int); INSERT INTO t VALUES (1);
CREATE FUNCTION slow(i int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN i; END';
CREATE INDEX slow_one ON t (slow(i)); CREATE INDEX quick_one ON t (i);
CREATE OR REPLACE FUNCTION slow(i int) RETURNS int LANGUAGE plpgsql IMMUTABLE
  AS 'BEGIN PERFORM pg_catalog.pg_sleep(30); RETURN i; END';
"""


def wait_until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def start_restore(source: Database, backup: PlainBackup, folder: Path) -> subprocess.Popen[bytes]:
    file = folder / "restore.pickle"
    file.write_bytes(pickle.dumps((a_request(source), backup)))
    return subprocess.Popen([sys.executable, "-c", CHILD, str(file)])


def is_indexing(source: Database) -> bool:
    query = "SELECT query FROM pg_stat_activity WHERE query LIKE 'CREATE INDEX %slow_one%'"
    return bool(source.execute(query))


def test_a_restore_killed_while_it_indexes_is_replaced_by_the_next(
    empty_database: Database, tmp_path: Path
):
    empty_database.execute(SLOW_INDEX)
    backup = take_plain_backup(empty_database)
    with start_restore(empty_database, backup, tmp_path) as child:
        wait_until(lambda: is_indexing(empty_database))
        child.kill()
    names = empty_database.server.database_names()
    assert TEMPORARY_NAME in names
    assert "restored" not in names
    with being_restored(empty_database, backup) as database:
        database.restore_pre_data(backup.archive, backup.details)
        assert not is_indexing(empty_database)
    assert APPLICATION_NAME not in empty_database.server.sessions()


def interrupt_restore(source: Database, backup: PlainBackup) -> None:
    with being_restored(source, backup) as database:
        load(database, backup)
        raise KeyboardInterrupt


def test_an_interrupted_restore_leaves_no_session_behind(empty_database: Database):
    with pytest.raises(KeyboardInterrupt):
        interrupt_restore(empty_database, take_plain_backup(empty_database))
    assert APPLICATION_NAME not in empty_database.server.sessions()
    assert TEMPORARY_NAME in empty_database.server.database_names()
