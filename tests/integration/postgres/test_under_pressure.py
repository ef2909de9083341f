"""What a server, a network and an application may do to a backup (faults F28-F41).

Each ends within its time, with its cause, and never as a success that is none. Campaigns:
ORCHESTRATOR_PRESSURE_ROUNDS.
"""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta

import psycopg
import pytest

from orchestrator.engines.postgres.describing.schema_reader import PostgresSchemaReader
from orchestrator.errors import GaveWayError, RunTooLongError, SnapshotLostError, SourceError
from orchestrator.model.contents import BlockRange, TableName
from orchestrator.ports.engine import SourceSnapshot
from tests.support.freezing_proxy import freezing_proxy
from tests.support.postgres import Database, Server, running_server
from tests.support.source_engine import open_snapshot, read_text

ROUNDS = int(os.environ.get("ORCHESTRATOR_PRESSURE_ROUNDS", "3"))
T = TableName("public", "t")
WIDE = "CREATE TABLE t AS SELECT n AS id, repeat('x', 100) AS filler FROM generate_series(1, {}) n"


@pytest.fixture(scope="module")
def own_server() -> Iterator[Server]:
    with running_server() as server:
        yield server


def once_after(received: int, act: Callable[[], None]) -> Callable[[bytes], None]:
    """Return a consumer that acts once, when so many bytes have arrived."""
    left = [received]

    def consume(block: bytes) -> None:
        if left[0] > 0:
            left[0] -= len(block)
            if left[0] <= 0:
                act()

    return consume


def read_whole(snapshot: SourceSnapshot, consume: Callable[[bytes], None]) -> int:
    table = next(one for one in snapshot.contents.tables if one.name == T)
    return snapshot.readers[0].read_table(table, BlockRange(0, None), consume)


@pytest.mark.parametrize("part", [(number + 1) / (ROUNDS + 1) for number in range(ROUNDS)])
def test_a_server_that_restarts_fails_the_run_and_the_second_try_succeeds(
    own_server: Server, part: float
):
    database = own_server.create_database()
    database.execute(WIDE.format(100_000))
    database.execute("CHECKPOINT")  # the server of the tests keeps nothing else over a crash

    def restart() -> None:
        own_server.cluster.stop("immediate")
        own_server.cluster.start()

    def back_up(consume: Callable[[bytes], None]) -> int:
        with open_snapshot(database.url, database.name) as snapshot:
            rows = read_whole(snapshot, consume)
            snapshot.check()
            return rows

    with pytest.raises(SourceError):
        back_up(once_after(int(part * 10_000_000), restart))
    assert back_up(lambda _: None) == 100_000


def test_a_proxy_that_freezes_but_acknowledges_ends_the_run_in_time(empty_database: Database):
    empty_database.execute(WIDE.format(300_000))
    stall = timedelta(seconds=3)
    with freezing_proxy(empty_database.server.cluster.port) as proxy:
        url = psycopg.conninfo.make_conninfo(empty_database.url, port=str(proxy.port))
        frozen: list[float] = []

        def freeze() -> None:
            proxy.freeze()
            frozen.append(time.monotonic())

        with (
            pytest.raises(SourceError),
            open_snapshot(url, empty_database.name, stall_timeout=stall) as snapshot,
        ):
            read_whole(snapshot, once_after(2_000_000, freeze))
    assert time.monotonic() - frozen[0] < stall.total_seconds() + 10


SETTINGS = {
    "statement_timeout": "300ms",
    "lock_timeout": "300ms",
    "idle_in_transaction_session_timeout": "300ms",
    "idle_session_timeout": "300ms",
    "transaction_timeout": "600ms",
    "default_transaction_read_only": "on",
}


@pytest.mark.parametrize("setting", SETTINGS)
def test_a_setting_of_the_role_that_ends_sessions_does_not_end_ours(
    empty_database: Database, setting: str
):
    role = empty_database.server.create_role()
    empty_database.execute(
        f'CREATE TABLE t AS SELECT 1 AS id; GRANT SELECT ON t TO "{role.name}";'
        f"ALTER ROLE \"{role.name}\" SET {setting} = '{SETTINGS[setting]}'"
    )
    with open_snapshot(empty_database.url_for(role), empty_database.name) as snapshot:
        time.sleep(0.8)
        assert read_text(snapshot, T) == b"1\n"
        assert snapshot.dump_schema().startswith(b"PGDMP")
        snapshot.check()


def test_a_run_is_stopped_at_the_end_of_its_budget_while_it_reads(
    empty_database: Database, caplog: pytest.LogCaptureFixture
):
    empty_database.execute(WIDE.format(100_000))
    budget = timedelta(seconds=5)
    began = time.monotonic()

    def read_on() -> None:
        with open_snapshot(
            empty_database.url, empty_database.name, max_duration=budget
        ) as snapshot:
            while time.monotonic() - began < 30:
                read_whole(snapshot, lambda _: time.sleep(0.01))

    with pytest.raises(RunTooLongError):
        read_on()
    assert time.monotonic() - began < budget.total_seconds() + 10
    (warning,) = [record for record in caplog.records if record.msg == "snapshot_is_old"]
    assert warning.levelname == "WARNING"


def test_a_terminated_leader_stops_every_worker(empty_database: Database):
    empty_database.execute(WIDE.format(300_000))
    with open_snapshot(empty_database.url, empty_database.name) as snapshot:
        snapshot.dump_schema()
        leader = snapshot._coordinator.info.backend_pid  # type: ignore[attr-defined] # to end it

        def end_leader() -> None:
            empty_database.execute(f"SELECT pg_terminate_backend({leader})")

        def read_on() -> None:
            read_whole(snapshot, once_after(1_000_000, end_leader))
            while True:  # a worker that had read all of it by then
                read_whole(snapshot, lambda _: None)

        with pytest.raises(SnapshotLostError):
            read_on()
        with pytest.raises(SnapshotLostError):
            snapshot.check()


CHANGES = [
    "ALTER TABLE t ADD extra int",
    "ALTER TABLE t DROP extra",
    "ALTER TABLE t RENAME TO u",
    "ALTER TABLE u RENAME TO t",
    "CREATE TABLE more(id int)",
    "DROP TABLE more",
]


@contextmanager
def changing_all_the_time(database: Database) -> Iterator[None]:
    """Change the schema every 50 ms, as a migration that runs on."""
    stop = threading.Event()

    def change() -> None:
        with database.connect() as connection:
            connection.execute("SET lock_timeout = '100ms'")
            while not stop.is_set():
                for statement in CHANGES:
                    with suppress(psycopg.Error):
                        connection.execute(statement.encode())
                    stop.wait(0.05)

    thread = threading.Thread(target=change)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(timeout=10)


def test_a_schema_that_changes_all_the_time_is_backed_up_as_of_one_moment_or_not_at_all(
    empty_database: Database,
):
    empty_database.execute("CREATE TABLE t AS SELECT generate_series(1, 1000) AS id")
    outcomes: list[str] = []
    with changing_all_the_time(empty_database):
        for _ in range(ROUNDS):
            try:
                with open_snapshot(empty_database.url, empty_database.name) as snapshot:
                    listed = described_by(snapshot)
                    archived = archived_by(snapshot)
                    snapshot.check()
            except SourceError as error:
                outcomes.append(error.code)
                continue
            assert listed == archived
            outcomes.append("equal")
    assert "equal" in outcomes, outcomes


def described_by(snapshot: SourceSnapshot) -> dict[str, set[str]]:
    return {
        str(table.name): {f"column {column.name}" for column in table.columns}
        for table in snapshot.contents.tables
    }


def archived_by(snapshot: SourceSnapshot) -> dict[str, set[str]]:
    entries = PostgresSchemaReader().describe(snapshot.dump_schema()).entries
    return {
        entry.name: {label for label in entry.parts if label.startswith("column ")}
        for entry in entries
        if entry.kind == "TABLE"
    }


class Application:
    """Changes a table, and selects from it behind that change; says how long the SELECT waited."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.waited: float | None = None

    def start(self) -> None:
        for work in (self._alter, self._select):
            threading.Thread(target=work).start()
            time.sleep(0.3)

    def _alter(self) -> None:
        self._database.execute("ALTER TABLE t ADD extra int")

    def _select(self) -> None:
        began = time.monotonic()
        self._database.execute("SELECT count(*) FROM t")
        self.waited = time.monotonic() - began


def test_no_unrelated_select_waits_longer_than_the_backup_may_make_others_wait(
    empty_database: Database,
):
    empty_database.execute("CREATE TABLE t AS SELECT generate_series(1, 1000) AS id")
    application = Application(empty_database)
    limit = timedelta(seconds=2)

    def back_up() -> None:
        with open_snapshot(empty_database.url, empty_database.name, yield_after=limit) as snapshot:
            snapshot.dump_schema()
            application.start()
            while application.waited is None:  # as one that has much to read
                time.sleep(0.2)
                read_text(snapshot, T)

    with pytest.raises(GaveWayError):
        back_up()
    while application.waited is None:
        time.sleep(0.05)
    assert 1 < application.waited < limit.total_seconds() + 5
