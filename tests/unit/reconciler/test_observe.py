"""What a pass sees is what the catalog says at one moment, however many series there are."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from typing_extensions import override

from orchestrator.catalog.memory import MemoryCatalog
from orchestrator.model.actions import PruneCopy
from orchestrator.model.backup import Backup
from orchestrator.model.names import BackupId, DestinationName, PolicyName, Series
from orchestrator.model.observation import Observation
from orchestrator.model.policy import DesiredState
from orchestrator.model.pruning import Tombstone
from orchestrator.model.timeline import Pause
from orchestrator.planning.planner import make_plan
from orchestrator.reconciler.observe import AT_A_TIME, observe
from tests.contracts.catalog_values import HOUR, NOON, an_entry
from tests.support.builders import (
    a_backup,
    a_copy,
    a_desired_state,
    a_policy,
    a_retention,
    a_series,
    an_actor,
)

DAYS = timedelta(days=1)
LOCAL = DestinationName("local")


class Machine:
    """Where and when the looking is done."""

    actor = an_actor()

    def is_gone(self, _: object) -> bool:
        return False

    def now(self):
        return NOON + HOUR

    def monotonic(self) -> float:
        return 0.0


def seen_by(catalog: MemoryCatalog, desired: DesiredState) -> Observation:
    return observe(desired, catalog, Machine(), Machine())  # type: ignore[arg-type] - asks no more


class PruningBeside(MemoryCatalog):
    """Somebody prunes the newest backup, once, while it is looked at."""

    going: Backup | None = None

    @override
    def backups_named(self, ids: Sequence[BackupId]) -> Mapping[BackupId, Backup]:
        if self.going is not None:
            self.record_pruned(a_stone(self.going), an_entry("pruned"))
            self.going = None
        return super().backups_named(ids)


def a_stone(backup: Backup) -> Tombstone:
    return Tombstone(
        series=backup.series,
        backup=backup.id,
        destination=backup.copies[0].destination,
        snapshot_at=backup.snapshot_at,
        expired_at=NOON,
        beyond_normal_ageing=False,
        reason="",
        pruned_at=NOON,
    )


def test_every_series_is_seen_with_its_own_newest_backup():
    names = [f"policy-{number:03}" for number in range(2 * AT_A_TIME + 1)]
    catalog, newest = MemoryCatalog(), dict[Series, Backup]()
    for number, name in enumerate(names):
        at = NOON + timedelta(seconds=number)
        newest[a_series(name)] = a_backup(at, series=a_series(name), sequence=2)
        catalog.record_backup(newest[a_series(name)], an_entry(name))
        catalog.record_backup(a_backup(at - HOUR, series=a_series(name)), an_entry(f"old {name}"))
    seen = seen_by(catalog, a_desired_state(*map(a_policy, names))).series
    assert {series: one.newest for series, one in seen.items()} == newest
    assert {one.backups for one in seen.values()} == {2}


def test_a_newest_backup_that_goes_while_it_is_looked_at_leaves_the_one_before_it():
    catalog = PruningBeside()
    older, going = a_backup(NOON - HOUR), a_backup(NOON, sequence=2, copies=[a_copy()])
    for backup in (older, going):
        catalog.record_backup(backup, an_entry(backup.id))
    catalog.going = going
    (seen,) = seen_by(catalog, a_desired_state(a_policy())).series.values()
    assert (seen.newest, seen.backups) == (older, 1)


def put_aside(catalog: MemoryCatalog, policy: str) -> None:
    """Give a policy twelve old backups that expired together, and a young one."""
    old = [a_backup(NOON - DAYS * (40 - n), series=a_series(policy)) for n in range(12)]
    for number, backup in enumerate([*old, a_backup(NOON - HOUR, series=a_series(policy))]):
        catalog.record_backup(replace(backup, sequence=number + 1), an_entry(backup.id))
    catalog.record_expired(
        LOCAL,
        [backup.id for backup in old],
        at=NOON - 2 * DAYS,
        beyond_normal_ageing=True,
        entry=an_entry("expired"),
    )


def test_a_paused_policy_uses_nothing_up_of_what_a_human_allows():
    catalog = MemoryCatalog()
    rules = a_retention(daily="7d", min_keep=1)
    desired = a_desired_state(a_policy("a", retention=rules), a_policy("b", retention=rules))
    for name in ("a", "b"):
        put_aside(catalog, name)
    pause = Pause(policy=PolicyName("a"), since=NOON - HOUR, until=NOON + DAYS, by=an_actor())
    catalog.record_pause(pause, an_entry("pause"))
    seen = observe(desired, catalog, Machine(), Machine(), allow_prune=3)  # type: ignore[arg-type] - asks no more
    prunes = [
        action.series.policy
        for action in make_plan(desired, seen).actions
        if isinstance(action, PruneCopy)
    ]
    assert prunes == ["b"] * 3
