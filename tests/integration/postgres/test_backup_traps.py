"""What a backup must not do quietly: hang, read another table, or leave something out."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from orchestrator.engines.postgres.restore.schema.archive_contents import read_archive_contents
from orchestrator.engines.postgres.session import connection_parameters
from orchestrator.errors import GaveWayError, SnapshotLostError, SourceError
from orchestrator.model.contents import TableName
from orchestrator.model.secret import Secret
from tests.support.postgres import Database
from tests.support.source_engine import open_snapshot, read_text

T = TableName("public", "t")


@contextmanager
def frozen_sessions(database: Database) -> Iterator[None]:
    """Stop every session of the backup: the kernel goes on to answer for them (F31, F47)."""
    sessions = database.execute(
        "SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'orchestrator:%'"
    )
    for (pid,) in sessions:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for (pid,) in sessions:
            os.kill(pid, signal.SIGCONT)


def test_a_frozen_server_ends_the_run_within_the_stall_time_out(empty_database: Database) -> None:
    empty_database.execute("CREATE TABLE t AS SELECT generate_series(1, 1000) AS id")
    started = time.monotonic()
    stall = timedelta(seconds=3)  # the watch asks the coordinator in the meantime
    with (
        pytest.raises(SourceError),
        open_snapshot(empty_database.url, empty_database.name, stall_timeout=stall) as snapshot,
        frozen_sessions(empty_database),
    ):
        read_text(snapshot, T)
    assert time.monotonic() - started < stall.total_seconds() + 10


def test_tables_swapped_by_renaming_their_schemas_are_noticed(empty_database: Database) -> None:
    empty_database.execute(
        "CREATE SCHEMA live CREATE TABLE t (id int); INSERT INTO live.t VALUES (1), (2);"
        "CREATE SCHEMA next CREATE TABLE t (id int); INSERT INTO next.t VALUES (3)"
    )
    with open_snapshot(empty_database.url, empty_database.name) as snapshot:
        empty_database.execute("ALTER SCHEMA live RENAME TO old; ALTER SCHEMA next RENAME TO live")
        with pytest.raises(SnapshotLostError, match=r"live\.t"):
            snapshot.check()


def test_a_role_without_rights_of_monitoring_gives_way_too(empty_database: Database) -> None:
    role = empty_database.server.create_role()
    empty_database.execute(f'CREATE TABLE t AS SELECT 1 AS id; GRANT SELECT ON t TO "{role.name}"')
    url = empty_database.url_for(role)
    with open_snapshot(url, empty_database.name, yield_after=timedelta(milliseconds=1)) as snapshot:
        waiting = threading.Thread(target=empty_database.execute, args=["TRUNCATE t"])
        waiting.start()
        time.sleep(4)
        with pytest.raises(GaveWayError):
            snapshot.check()
    waiting.join(timeout=10)


def test_subscriptions_that_the_role_may_not_dump_are_listed(empty_database: Database) -> None:
    role = empty_database.server.create_role()
    empty_database.execute(
        "CREATE SUBSCRIPTION feed CONNECTION 'host=nowhere' PUBLICATION p WITH (connect = false);"
        "ALTER SUBSCRIPTION feed SET (slot_name = NONE)"
    )
    with open_snapshot(empty_database.url_for(role), empty_database.name) as snapshot:
        left_out = [(item.kind, item.name) for item in snapshot.contents.left_out]
    empty_database.execute("DROP SUBSCRIPTION feed")
    assert left_out == [("subscription", "feed")]


def test_nothing_of_a_session_lies_on_the_disk(
    empty_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    empty_database.execute("CREATE TABLE t AS SELECT 1 AS id")
    with open_snapshot(empty_database.url, empty_database.name) as snapshot:
        assert list(tmp_path.iterdir()) == []
        assert read_text(snapshot, T) == b"1\n"


def test_a_secret_of_the_url_that_would_become_an_argument_is_refused() -> None:
    url = Secret("postgresql://u@h/db?sslkey=k&sslpassword=geheim", "the test")
    with pytest.raises(SourceError, match="sslpassword") as caught:
        connection_parameters(url, database=None, application_name="x")
    assert "geheim" not in str(caught.value)


def test_definitions_do_not_depend_on_how_the_database_reads_backslashes(
    empty_database: Database,
) -> None:
    empty_database.execute(
        rf"CREATE TABLE t (id int); COMMENT ON TABLE t IS 'one \ only';"
        rf'ALTER DATABASE "{empty_database.name}" SET standard_conforming_strings = off'
    )
    with open_snapshot(empty_database.url, empty_database.name) as snapshot:
        entries = read_archive_contents(snapshot.dump_schema()).entries
    comments = [entry.definition for entry in entries if entry.kind == "COMMENT"]
    assert rb"IS 'one \ only'" in b"".join(comments)
