"""What dead, late and damaged runs leave behind: listed, recorded, or shown; never stuck for ever."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from orchestrator.destinations.memory import MemoryDestination
from orchestrator.errors import DestinationUnreachableError
from orchestrator.execution.context import Execution
from orchestrator.execution.executor import execute
from orchestrator.execution.prune.erase_series import erase_series
from orchestrator.execution.rebuild.compare_catalog import DifferenceKind, compare_catalog
from orchestrator.model.backup import CopyState, RunReason
from orchestrator.model.names import DestinationName
from orchestrator.model.outcome import Failed, NotNeeded, Succeeded
from orchestrator.model.plan import SkipKind
from orchestrator.model.run import LogAction, LogEntry, LogOutcome, RunState
from orchestrator.reconciler.passes import PassResult, run_pass
from tests.support.builders import a_desired_state, a_policy, a_slot
from tests.unit.execution.pruning_world import DELAY, PruningWorld, kinds
from tests.unit.execution.test_leases_and_recovery import (
    a_world_whose_run_died_at,
    die_at,
    recovery_of,
)
from tests.unit.execution.test_prune import a_collection, a_prune
from tests.unit.execution.world import (
    LOCAL,
    SERIES,
    Killed,
    Opener,
    World,
    a_backup_action,
    by_hand,
)

OFFSITE = DestinationName("offsite")
PAST_THE_LEASE = timedelta(seconds=61)


class Away:
    """A place that cannot be reached."""

    def __init__(self, name: DestinationName) -> None:
        self.name = name

    def __getattr__(self, _: str) -> object:
        raise DestinationUnreachableError("it is away", next_step="bring it back")


class TwoPlaces(World):
    """Backups lie at two places, of which the second may be away."""

    def __init__(self) -> None:
        policy = a_policy(destinations=("local", "offsite"))
        super().__init__(desired=a_desired_state(policy))
        self.offsite = MemoryDestination(OFFSITE)
        self.is_away = False

    def process(self, before: Callable[[str], None] | None = None, workers: int = 2) -> Execution:
        execution = super().process(before, workers)
        places = {
            LOCAL: execution.destinations.open(LOCAL),
            OFFSITE: Away(OFFSITE) if self.is_away else self.offsite,
        }
        return replace(execution, destinations=Opener(places))

    def lose_its_run(self) -> None:
        """A run dies when both manifests are written, and the catalog does not know."""
        action = replace(a_backup_action(), destinations=(LOCAL, OFFSITE))
        with pytest.raises(Killed):
            execute(action, self.process(die_at("record_backup")))
        self.kill_all()


def refusals(world: World) -> list[LogEntry]:
    return [
        entry
        for entry in world.catalog.log()
        if (entry.action, entry.outcome) == (LogAction.ADOPT, LogOutcome.FAILED)
    ]


# ------------------------------------------------------------------ at every place
def test_an_adopted_backup_is_listed_at_every_place_where_it_is_complete():
    world = TwoPlaces()
    world.lose_its_run()
    assert isinstance(execute(recovery_of(world), world.process()), Succeeded)
    (backup,) = world.catalog.backups(SERIES)
    assert [copy.destination for copy in backup.copies] == [LOCAL, OFFSITE]


def test_nothing_is_adopted_anywhere_while_one_place_cannot_be_looked_at():
    world = TwoPlaces()
    world.lose_its_run()
    world.is_away = True
    assert isinstance(execute(recovery_of(world), world.process()), Failed)
    assert world.catalog.backups(SERIES) == []
    world.is_away = False
    execute(recovery_of(world), world.process())
    assert len(world.catalog.backups(SERIES)[0].copies) == 2


def test_a_copy_that_is_incomplete_at_one_place_is_adopted_at_the_other_and_noted():
    world = TwoPlaces()
    world.lose_its_run()
    world.offsite.remove(next(key for key in world.offsite._objects if "/chunks/" in key))
    execute(recovery_of(world), world.process())
    (backup,) = world.catalog.backups(SERIES)
    assert [copy.destination for copy in backup.copies] == [LOCAL]
    (entry,) = refusals(world)
    assert (entry.detail["backup"], entry.detail["destination"]) == (backup.id, OFFSITE)


# ------------------------------------------------------------------ past the end of a lease
def test_what_a_run_completed_past_its_lease_is_adopted_if_nobody_took_over():
    world = World()

    def sleep_before_the_catalog_knows(name: str) -> None:
        if name == "create" and world.keys("/details.json"):
            world.wait(PAST_THE_LEASE)

    outcome = execute(a_backup_action(), world.process(sleep_before_the_catalog_knows, workers=1))
    assert isinstance(outcome, Failed)
    assert outcome.error.code == "ORC-702"
    assert len(world.keys("manifest.json")) == 1
    assert isinstance(execute(a_backup_action(), world.process()), NotNeeded)
    assert len(world.catalog.backups(SERIES)) == 1


def a_world_with_a_stranger() -> World:
    """A chunk of a completed backup was missing at the take-over, and is there again."""
    world = a_world_whose_run_died_at("record_backup")
    chunk = world.keys("/chunks/")[0]
    data = world.objects.pop(chunk)
    world.kill_all()
    execute(recovery_of(world), world.process())
    world.objects[chunk] = data
    return world


def test_a_backup_that_was_refused_once_is_never_adopted_but_shown_and_kept():
    world = a_world_with_a_stranger()
    before = set(world.keys("practice/"))
    execute(by_hand(), world.process())
    world.wait(timedelta(days=9))
    assert isinstance(execute(a_collection(), world.process()), Succeeded)
    assert before <= world.objects.keys()
    (shown,) = compare_catalog(world.process()).differences
    assert shown.kind is DifferenceKind.UNKNOWN
    assert "rebuild" in shown.next_step


def test_a_stranger_is_noted_in_the_log_once_a_month():
    world = a_world_with_a_stranger()
    (entry,) = refusals(world)
    assert "is missing" in entry.detail["what"]
    execute(a_collection(), world.process())
    assert len(refusals(world)) == 1
    world.wait(timedelta(days=31))
    execute(a_collection(), world.process())
    assert len(refusals(world)) == 2


# ------------------------------------------------------------------ retired series
def a_retired_world_whose_run_died(call: str) -> World:
    world = a_world_whose_run_died_at(call)
    world.desired = a_desired_state(replace(a_policy("payroll"), schedules=()))
    world.server.databases["wages"] = world.server.databases["app"]
    return world


def a_pass(world: World) -> PassResult:
    return run_pass(world.process())


def test_the_run_and_the_lease_of_a_series_whose_policy_is_gone_are_closed():
    world = a_retired_world_whose_run_died("record_backup")
    world.kill_all()
    result = a_pass(world)
    assert not any(isinstance(outcome, Failed) for outcome in result.outcomes), result.outcomes
    assert world.catalog.leases() == []
    assert world.catalog.runs(SERIES)[0].state is RunState.INTERRUPTED
    assert len(world.catalog.backups(SERIES)) == 1
    assert world.keys("practice/app/intents/") == []
    assert a_pass(world).outcomes == ()


def test_a_retired_series_that_somebody_works_on_is_left_alone_until_the_lease_ends():
    world = a_retired_world_whose_run_died("open_snapshot")
    plan = a_pass(world).plan
    (skip,) = [skip for skip in plan.skipped if skip.kind is SkipKind.LOCKED]
    (lease,) = world.catalog.leases()
    assert (skip.series, skip.until) == (SERIES, lease.expires_at)


def test_a_retired_series_can_be_erased_although_its_run_died():
    world = a_world_whose_run_died_at("record_backup")
    world.kill_all()
    execute(recovery_of(world), world.process())
    with pytest.raises(Killed):
        execute(by_hand(), world.process(die_at("open_snapshot")))
    world.kill_all()
    world.desired = a_desired_state(replace(a_policy("payroll"), schedules=()))
    erase_series(SERIES, world.process())
    assert world.keys("practice/app/") == []


# ------------------------------------------------------------------ damage that upkeep sees
def test_damage_that_stops_a_prune_is_recorded():
    world = PruningWorld()
    world.live(2)
    world.do_pass()
    world.wait(DELAY)
    newest = world.backups[-1]
    for key in world.keys(f"/{newest.id}/manifest.json"):
        del world.objects[key]
    assert isinstance(execute(a_prune(world), world.process()), NotNeeded)
    assert world.backups[-1].copies[0].state is CopyState.DAMAGED
    assert "PruneCopy" not in kinds(world.do_pass().outcomes)


def test_damage_that_stops_a_collection_is_recorded():
    world = PruningWorld()
    world.live(2)
    oldest = world.backups[0]
    (key,) = world.keys(f"/{oldest.id}/manifest.json")
    world.objects[key] = world.objects[key][:-9]
    assert isinstance(execute(a_collection(), world.process()), Failed)
    assert world.backups[0].copies[0].state is CopyState.DAMAGED
    last = world.catalog.log()[-1]
    assert (last.action, last.outcome) == (LogAction.VERIFY, LogOutcome.FAILED)


def test_a_manifest_that_nobody_can_read_and_nobody_lists_is_noted():
    world = a_world_whose_run_died_at("record_backup")
    (key,) = world.keys("manifest.json")
    world.objects[key] = world.objects[key][:-9]
    world.kill_all()
    execute(recovery_of(world), world.process())
    assert len(refusals(world)) == 1
    world.wait(timedelta(days=31))
    assert isinstance(execute(a_collection(), world.process()), Failed)
    assert len(refusals(world)) == 2


# ------------------------------------------------------------------ slots
def test_a_backup_names_only_the_slots_that_nobody_answered_meanwhile():
    world = World()
    old, new = a_slot("2026-11-22T02:00"), a_slot("2026-11-22T06:00", "frequent")
    execute(a_backup_action(), world.process())
    world.wait(timedelta(hours=5))
    action = replace(
        a_backup_action(),
        run_reason=RunReason(trigger=a_backup_action().run_reason.trigger, slots=(old, new)),
    )
    assert isinstance(execute(action, world.process()), Succeeded)
    assert world.catalog.backups(SERIES)[-1].reason.slots == (new,)


# ------------------------------------------------------------------ numbers
def test_the_number_of_a_pruned_backup_is_never_given_again():
    world = World()
    execute(by_hand(), world.process())
    world.clock.time -= timedelta(hours=2)
    execute(by_hand(), world.process())
    second = max(world.catalog.backups(SERIES), key=lambda backup: backup.sequence)
    del world.catalog._backups[second.id]
    world.wait(timedelta(hours=3))
    execute(by_hand(), world.process())
    assert world.catalog.backups(SERIES)[-1].sequence == 3
