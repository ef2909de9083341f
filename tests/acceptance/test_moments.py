"""Which moment a backup shows, as it says itself (pitfall 5)."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import pytest

from orchestrator.archive.details import decode_details
from orchestrator.clock import SystemClock
from tests.support.command_line import POLICY, Workplace
from tests.support.postgres import Database, Server

Confirmed = dict[str, list[datetime]]
"""By database: when each of its rows, numbered from 1, was known to be committed."""


@pytest.fixture
def databases(postgres_server: Server) -> list[Database]:
    made = [postgres_server.create_database() for _ in range(2)]
    for database in made:
        database.execute("CREATE TABLE t (id int)")
    return made


@pytest.fixture
def place(tmp_path: Path, databases: list[Database]) -> Workplace:
    names = json.dumps([database.name for database in databases])
    policy = POLICY.replace("lock_timeout: 3s", f"lock_timeout: 3s\n      databases: {names}")
    return Workplace(tmp_path, databases[0].url, policy=policy)


@contextmanager
def being_written(databases: list[Database]) -> Iterator[Confirmed]:
    """Write rows one by one until the block ends."""
    confirmed: Confirmed = {database.name: [] for database in databases}
    done = threading.Event()

    def write(database: Database) -> None:
        with database.connect() as connection:
            while not done.wait(0.002):
                connection.execute("INSERT INTO t VALUES (1)")
                confirmed[database.name].append(SystemClock().now())

    writers = [threading.Thread(target=write, args=(database,)) for database in databases]
    for writer in writers:
        writer.start()
    try:
        yield confirmed
    finally:
        done.set()
        for writer in writers:
            writer.join()


def stored(place: Workplace) -> dict[str, tuple[datetime, int]]:
    """Return, by database, the moment and the number of rows that the stored details say."""
    found = {}
    for file in place.backups.rglob("details.json"):
        details = decode_details(file.read_bytes())
        found[details.properties.name] = (details.snapshot_at, details.rows)
    return found


def test_each_database_of_one_run_has_a_moment_of_its_own_and_all_rows_from_before_it(
    place: Workplace, databases: list[Database]
) -> None:
    with being_written(databases) as confirmed:
        place.run("backup", "practice")
    backups = stored(place)
    for name, times in confirmed.items():
        moment, rows = backups[name]
        assert 0 < sum(at < moment for at in times) <= rows < len(times)
    assert len({moment for moment, _ in backups.values()}) == len(databases)
    listed = {(one["database"], one["snapshot_at"]) for one in place.listed()}
    assert listed == {
        (name, f"{moment:%Y-%m-%dT%H:%M:%SZ}") for name, (moment, _) in backups.items()
    }


def test_a_row_committed_between_two_backups_lies_between_their_moments(
    place: Workplace, databases: list[Database]
) -> None:
    first, second = databases
    place.run("backup", "practice", "--database", first.name)
    for database in databases:
        database.execute("INSERT INTO t VALUES (1)")
    committed = SystemClock().now()
    place.run("backup", "practice", "--database", second.name)
    backups = stored(place)
    assert [backups[database.name][1] for database in databases] == [0, 1]
    assert backups[first.name][0] < committed < backups[second.name][0]
