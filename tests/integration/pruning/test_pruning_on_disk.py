"""Pruning with the real catalog and a real directory: weeks of daily backups on a clock set by hand."""

import os
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from typing_extensions import override

from orchestrator.catalog.open import SqlCatalog, open_catalog
from orchestrator.destinations.local_directory import LocalDirectory, open_local_directory
from orchestrator.execution.context import Execution
from orchestrator.execution.verification.verify_copy import verify_copy
from orchestrator.model.names import ObjectKey
from orchestrator.model.outcome import Failed
from orchestrator.model.plan import SkipKind
from orchestrator.model.verification import Level
from orchestrator.reconciler.passes import PassResult, run_pass
from tests.unit.execution.pruning_world import DAY, DELAY, HOUR, PruningWorld
from tests.unit.execution.world import LOCAL, SERIES, HandClock, Opener


class DatedDirectory(LocalDirectory):
    """A directory whose files have the times of a clock set by hand, as if it were the disk's."""

    clock: HandClock
    root: Path
    skew = timedelta(0)

    @override
    def create(self, key: ObjectKey, data: bytes) -> None:
        super().create(key, data)
        at = (self.clock.time + self.skew).timestamp()
        os.utime(self.root / key, (at, at))


class DiskWorld(PruningWorld):
    """The same world, its catalog in SQLite and its destination on the disk."""

    disk: DatedDirectory
    sql: SqlCatalog
    expected: frozenset[str] = frozenset()

    def do_pass_on_disk(self, allow_prune: int = 0) -> PassResult:
        mine: Execution = self.process(workers=1)
        execution = replace(
            mine,
            reader=self.sql,
            writer=self.sql,
            leases=self.sql,
            marks=self.sql,
            destinations=Opener({LOCAL: self.disk}),
        )
        result = run_pass(execution, allow_prune=allow_prune)
        failed = [one.error for one in result.outcomes if isinstance(one, Failed)]
        assert {error.code for error in failed} <= self.expected
        self.execution = execution
        return result

    def live_on_disk(self, days: int) -> None:
        for day in range(days):
            self.change_rows(f"{self.clock.time:%m%d} {day}")
            self.do_pass_on_disk()
            self.clock.time = (self.clock.time + DAY).replace(hour=2, minute=0, second=5)

    def files(self, part: str) -> set[str]:
        return {
            str(path.relative_to(self.disk.root))
            for path in self.disk.root.rglob("*")
            if path.is_file() and part in str(path)
        }


@pytest.fixture
def world(tmp_path: Path) -> Iterator[DiskWorld]:
    (tmp_path / "place").mkdir()
    with closing(open_catalog(f"sqlite:///{tmp_path}/catalog.sqlite3")) as catalog:
        made = DiskWorld()
        open_local_directory(LOCAL, tmp_path / "place")
        made.disk = DatedDirectory(LOCAL, tmp_path / "place")
        made.disk.clock, made.disk.root, made.sql = made.clock, tmp_path / "place", catalog
        yield made


def test_weeks_of_daily_backups_keep_their_number_and_leave_no_orphan(world: DiskWorld):
    world.live_on_disk(14)
    backups = world.sql.backups(SERIES)
    assert 2 <= len(backups) <= 5
    assert len(world.files("manifest.json")) == len(backups)
    assert len(world.files("/chunks/")) < 20
    for backup in backups:
        assert verify_copy(backup, LOCAL, Level.CONTENT, world.execution).passed


def test_an_edited_policy_lets_go_only_what_a_human_allows_beyond_normal_ageing(world: DiskWorld):
    world.keep(daily="60d")
    world.live_on_disk(20)
    world.keep(daily="2d")
    result = world.do_pass_on_disk()
    assert [type(one.action).__name__ for one in result.outcomes] == [
        *("TakeBackup", "MarkExpired", "MarkExpired")
    ]
    world.clock.time += DELAY + HOUR
    (skip,) = world.do_pass_on_disk().plan.skipped[1:]
    assert skip.kind is SkipKind.PRUNE_REFUSED
    assert "--allow-prune" in skip.reason
    before = len(world.files("manifest.json"))
    world.do_pass_on_disk(allow_prune=5)
    assert len(world.files("manifest.json")) == before - 5


def test_a_destination_whose_clock_disagrees_prunes_nothing(world: DiskWorld):
    world.disk.skew, world.expected = -timedelta(minutes=10), frozenset({"ORC-403"})
    world.live_on_disk(6)
    assert len(world.files("manifest.json")) == 6
    world.disk.skew, world.expected = timedelta(0), frozenset()
    world.live_on_disk(2)
    assert len(world.files("manifest.json")) < 6
