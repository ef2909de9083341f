"""A series with days behind it, made once with the real engine and a clock set back, then copied.

Every copy is the same place: some backups are kept, some expired long enough ago to be pruned, and
of the chunks that only pruned backups named some have been seen unreferenced for long enough. So a
single pass takes a backup, prunes and collects.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import make_url
from typing_extensions import override

from orchestrator.catalog.open import SqlCatalog
from orchestrator.clock import SystemClock
from orchestrator.destinations.local_directory import LocalDirectory
from orchestrator.engines.postgres.backup.source import PostgresSource
from orchestrator.execution.context import Execution
from orchestrator.model.names import DestinationName, ObjectKey
from orchestrator.model.outcome import Succeeded
from orchestrator.model.secret import Secret
from orchestrator.policy.load import load_policies
from orchestrator.ports.clock import Clock
from orchestrator.ports.progress import SilentProgress
from orchestrator.reconciler.passes import prune_pass, run_pass
from orchestrator.settings import Settings
from orchestrator.wiring import build_execution
from tests.faults.places import FaultPlace
from tests.support.postgres import Database, Server

STEP = timedelta(hours=6)
PASSES = 11
LOCAL = DestinationName("local")
KEPT_BEFORE, KEPT_NOW = "30h", "6h"

POLICY = """\
version: 1
destinations:
  local: {url: file:../backups}
policies:
  practice:
    source: {engine: postgresql, url: "${env:DATABASE_URL}", lock_timeout: 3s, max_duration: 2m}
    schedules:
      frequent: {cron: "0 */6 * * *", catch_up: 6h}
    retention: {tiers: {hourly: KEPT}, min_keep: 2, prune_delay: 1h}
    destinations: [local]
    verify: {after_backup: objects}
"""


@dataclass
class PastClock(Clock):
    """A clock that goes on, but is behind the others."""

    behind: timedelta

    @override
    def now(self) -> datetime:
        return SystemClock().now() - self.behind

    @override
    def monotonic(self) -> float:
        return SystemClock().monotonic()


class DatedDirectory(LocalDirectory):
    """A directory whose files have the times of another clock, as if it were the disk's."""

    clock: Clock
    root: Path

    @override
    def create(self, key: ObjectKey, data: bytes) -> None:
        super().create(key, data)
        at = self.clock.now().timestamp()
        os.utime(self.root / key, (at, at))


class DatedPlaces:
    """Opens the one place."""

    def __init__(self, place: DatedDirectory) -> None:
        self._place = place

    def open(self, _: DestinationName) -> LocalDirectory:
        return self._place

    def is_there(self, _: DestinationName) -> bool:
        return True

    def make(self, _: DestinationName) -> None:
        """The place is there."""

    def unmake(self, _: DestinationName) -> None:
        """The place stays."""


@dataclass(frozen=True)
class History:
    """A place to copy, and the server of its PostgreSQL catalog, if it has one."""

    place: FaultPlace
    server: Server

    def copy_to(self, root: Path) -> FaultPlace:
        """Return another place that is as this one was left."""
        shutil.copytree(self.place.root, root)
        catalog = self.place.catalog
        if catalog is not None:
            template = str(make_url(catalog).database)
            catalog = self.server.create_database(template=template).url
        return replace(self.place, root=root, catalog=catalog)


def make_history(root: Path, database: Database, catalog: str | None) -> History:
    """Let days pass, one backup every six hours, the last about six hours ago."""
    place = FaultPlace(
        root, database.url, policy=POLICY.replace("KEPT", KEPT_BEFORE), catalog=catalog
    )
    place.backups.mkdir()
    database.execute(
        "CREATE TABLE users AS SELECT number, 0 AS pass FROM generate_series(1, 500) AS number"
    )
    database.execute("CREATE TABLE clients AS SELECT * FROM users")
    last_slot = slot_before(SystemClock().now())
    for number in range(PASSES):
        database.execute(f"UPDATE users SET pass = {number}")
        slot = last_slot - (PASSES - number) * STEP
        if number == PASSES - 1:
            (root / "policies" / "practice.yaml").write_text(POLICY.replace("KEPT", KEPT_NOW))
        _do_pass(place, PastClock(SystemClock().now() - slot - timedelta(minutes=1)))
    return History(replace(place, policy=POLICY.replace("KEPT", KEPT_NOW)), database.server)


def slot_before(now: datetime) -> datetime:
    """Return the last slot of the policy's schedule."""
    hours = now.astimezone(UTC).hour % 6
    return now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=hours)


def prune_later(place: FaultPlace, ahead: timedelta) -> None:
    """Prune and collect as a process would whose clock is so far ahead."""
    with _execution(place, PastClock(-ahead)) as execution:
        result = prune_pass(execution)
    assert all(isinstance(one, Succeeded) for one in result.outcomes), result.outcomes


def _do_pass(place: FaultPlace, clock: PastClock) -> None:
    with _execution(place, clock) as execution:
        result = run_pass(execution)
    assert all(isinstance(one, Succeeded) for one in result.outcomes), result.outcomes


@contextmanager
def _execution(place: FaultPlace, clock: Clock) -> Iterator[Execution]:
    folder, environment = place.root / "policies", place.environment
    settings = Settings(
        policies=folder,
        state=place.root / place.state,
        catalog=Secret(place.catalog_url, "the place"),
        environment=environment,
    )
    desired = load_policies(folder, environment=environment).desired
    assert desired is not None
    directory = DatedDirectory(LOCAL, place.backups)
    directory.clock, directory.root = clock, place.backups
    execution = build_execution(settings, desired, SilentProgress())
    assert isinstance(execution.reader, SqlCatalog)
    with closing(execution.reader):
        yield replace(
            execution,
            clock=clock,
            destinations=DatedPlaces(directory),
            source=PostgresSource(clock=clock, environment=environment),
        )
