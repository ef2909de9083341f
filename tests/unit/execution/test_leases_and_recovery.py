"""One at a time: live, dead, frozen and woken holders (design §7; faults F05, F06, F65-F67)."""

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from orchestrator.archive.layout import intent_key
from orchestrator.archive.manifest import decode_manifest, encode_manifest
from orchestrator.errors import CatalogFullError, Kind, LeaseLostError
from orchestrator.execution.executor import execute
from orchestrator.execution.lease.hold_lease import hold_lease
from orchestrator.execution.verification.verify_copy import verify_copy
from orchestrator.model.actions import RecoverSeries
from orchestrator.model.lease import Lease
from orchestrator.model.names import ObjectKey, RunId
from orchestrator.model.outcome import Failed, NotNeeded, Outcome, Succeeded
from orchestrator.model.run import LogAction, RunState
from orchestrator.model.verification import Level
from tests.unit.execution.world import (
    LOCAL,
    SERIES,
    Killed,
    World,
    a_backup_action,
    by_hand,
)


def die_at(call: str, times: int = 1) -> Callable[[str], None]:
    """Before the given call of a port for the given time, the process dies for good."""
    left = [times]

    def before(name: str) -> None:
        left[0] -= name == call
        if left[0] <= 0:
            raise Killed

    return before


def a_world_whose_run_died_at(call: str, times: int = 1) -> World:
    world = World()
    with pytest.raises(Killed):
        execute(a_backup_action(), world.process(die_at(call, times)))
    return world


def recovery_of(world: World) -> RecoverSeries:
    (lease,) = world.catalog.leases()
    return RecoverSeries(series=SERIES, abandoned=lease, reason="its holder is gone")


def test_a_series_that_a_live_run_holds_is_locked_and_untouched():
    world = a_world_whose_run_died_at("open_snapshot")
    outcome = execute(a_backup_action(), world.process())
    assert isinstance(outcome, Failed)
    assert (outcome.error.code, outcome.kind) == ("ORC-701", Kind.LOCKED)
    assert "backup@backup-host" in outcome.error.what
    assert len(world.catalog.runs(SERIES)) == 1


def test_a_dead_holder_of_this_host_is_replaced_at_once():
    world = a_world_whose_run_died_at("open_snapshot")
    world.kill_all()
    assert isinstance(execute(a_backup_action(), world.process()), Succeeded)
    assert [run.state for run in world.catalog.runs(SERIES)] == [
        RunState.INTERRUPTED,
        RunState.SUCCEEDED,
    ]
    assert world.catalog.backups(SERIES)[0].fence == 2
    assert world.keys("/intents/") == []


def test_a_holder_of_another_host_is_replaced_when_its_time_has_passed():
    world = a_world_whose_run_died_at("open_snapshot")
    world.wait(timedelta(seconds=59))
    assert isinstance(execute(a_backup_action(), world.process()), Failed)
    world.wait(timedelta(seconds=1))
    assert isinstance(execute(a_backup_action(), world.process()), Succeeded)


def test_what_a_dead_run_completed_is_adopted_and_answers_its_slot():
    world = a_world_whose_run_died_at("record_backup")
    assert world.catalog.backups(SERIES) == []
    world.kill_all()
    outcome = execute(a_backup_action(), world.process())
    assert isinstance(outcome, NotNeeded)
    (backup,) = world.catalog.backups(SERIES)
    assert backup.copies[0].level is Level.STORED
    assert world.catalog.runs(SERIES)[0].backup == backup.id
    assert LogAction.ADOPT in {entry.action for entry in world.catalog.log()}


def test_recovery_as_an_action_adopts_closes_and_frees_the_series():
    world = a_world_whose_run_died_at("record_backup")
    world.kill_all()
    outcome = execute(recovery_of(world), world.process())
    assert isinstance(outcome, Succeeded)
    assert outcome.warnings == ()
    assert world.catalog.backups(SERIES)[0].level is Level.CONTENT
    assert world.catalog.leases() == []
    assert len(world.catalog.backups(SERIES)) == 1
    assert [run.state for run in world.catalog.runs(SERIES)] == [RunState.INTERRUPTED]
    assert world.server.ended_orphans == [world.catalog.runs(SERIES)[0].id]
    assert world.keys("/intents/") == []


def test_recovery_is_not_needed_when_somebody_else_recovered():
    world = a_world_whose_run_died_at("open_snapshot")
    action = recovery_of(world)
    world.kill_all()
    execute(action, world.process())
    assert isinstance(execute(action, world.process()), NotNeeded)


def test_recovery_of_a_holder_that_lives_after_all_is_refused():
    world = a_world_whose_run_died_at("open_snapshot")
    outcome = execute(recovery_of(world), world.process())
    assert isinstance(outcome, Failed)
    assert outcome.kind is Kind.LOCKED


def test_a_backup_with_a_missing_object_is_not_adopted_and_that_is_said():
    world = a_world_whose_run_died_at("record_backup")
    world.place.remove(world.keys("/chunks/")[0])
    world.kill_all()
    outcome = execute(recovery_of(world), world.process())
    assert isinstance(outcome, Succeeded)
    assert "is missing" in outcome.warnings[0]
    assert world.catalog.backups(SERIES) == []


def test_an_unreadable_manifest_is_not_adopted_and_that_is_said():
    world = a_world_whose_run_died_at("record_backup")
    key = world.keys("manifest.json")[0]
    world.objects[key] = world.objects[key][:-9]
    world.kill_all()
    outcome = execute(recovery_of(world), world.process())
    assert isinstance(outcome, Succeeded)
    assert "was not adopted" in outcome.warnings[0]
    assert world.catalog.backups(SERIES) == []


def test_a_manifest_under_another_fence_is_never_adopted():
    world = a_world_whose_run_died_at("record_backup")
    key = world.keys("manifest.json")[0]
    manifest = decode_manifest(world.objects[key])
    world.objects[key] = encode_manifest(replace(manifest, fence=7))
    world.kill_all()
    outcome = execute(recovery_of(world), world.process())
    assert isinstance(outcome, Succeeded)
    assert "written under fence 7" in outcome.warnings[0]
    assert world.catalog.backups(SERIES) == []


def test_the_fence_is_not_raised_while_the_destination_cannot_be_looked_at():
    world = a_world_whose_run_died_at("record_backup")
    world.kill_all()
    marker = world.objects.pop(ObjectKey(".orchestrator-destination"))
    outcome = execute(recovery_of(world), world.process())
    assert isinstance(outcome, Failed)
    assert outcome.error.code == "ORC-303"
    assert world.catalog.leases()[0].fence == 1
    world.objects[ObjectKey(".orchestrator-destination")] = marker
    assert isinstance(execute(recovery_of(world), world.process()), Succeeded)
    assert len(world.catalog.backups(SERIES)) == 1


def a_take_over_by(world: World) -> Lease:
    """Another process takes the lease from its holder, who is frozen past its time."""
    (lease,) = world.catalog.leases()
    world.wait(timedelta(seconds=61))
    return world.catalog.acquire(
        SERIES,
        RunId("20261122T020200Z-000000"),
        holder=lease.holder,
        now=world.clock.now(),
        duration=timedelta(seconds=60),
        taking_over=lease,
    )


def test_a_holder_frozen_before_any_call_and_woken_after_a_take_over_publishes_no_second_backup():
    frozen_at, reached, lost = 0, True, 0
    while reached:
        frozen_at += 1
        world = World()
        outcome, before = a_run_frozen_at(frozen_at, world)
        reached = before is not None
        lost += isinstance(outcome, Failed)
        assert not isinstance(outcome, Failed) or outcome.error.code == "ORC-702"
        (backup,) = world.catalog.backups(SERIES)
        assert verify_copy(backup, LOCAL, Level.CONTENT, world.process()).passed
        assert world.catalog.leases() == []
        # Between the check of the fence and the write nobody can help: it is never adopted then.
        assert before == "create" or len(world.keys("manifest.json")) == 1
    assert lost > 20


def a_run_frozen_at(call: int, world: World) -> tuple[Outcome, str | None]:
    """What came of a run that slept before its n-th call while another did the work; which call."""
    calls: list[str] = []

    def freeze(name: str) -> None:
        calls.append(name)
        if len(calls) == call:
            world.wait(timedelta(seconds=61))
            assert not isinstance(execute(a_backup_action(), world.process()), Failed)

    outcome = execute(a_backup_action(), world.process(freeze, workers=1))
    return outcome, calls[call - 1] if len(calls) >= call else None


def test_a_lease_is_renewed_while_work_goes_on_and_given_back_at_its_end():
    world = World()
    renewed = threading.Event()
    execution = replace(
        world.process(lambda name: renewed.set() if name == "renew" else None),
        renewal_interval=timedelta(milliseconds=5),
    )
    with hold_lease(SERIES, execution.new_run_id(), execution) as held:
        world.wait(timedelta(seconds=30))
        renewed.clear()
        assert renewed.wait(5)
        renewed.clear()
        assert renewed.wait(5)
        held.check()
        assert held.lease.expires_at > world.clock.now() + timedelta(seconds=55)
    assert world.catalog.leases() == []


def test_a_renewal_that_finds_another_holder_marks_the_lease_as_lost():
    world = World()
    renewed = threading.Event()
    execution = replace(
        world.process(lambda name: renewed.set() if name == "renew" else None),
        renewal_interval=timedelta(milliseconds=50),
    )
    with hold_lease(SERIES, execution.new_run_id(), execution) as held:
        taker = a_take_over_by(world)
        assert renewed.wait(5)
        with pytest.raises(LeaseLostError):
            held.check()
    assert world.catalog.leases() == [taker]


def test_a_manifest_that_the_catalog_could_not_take_is_adopted_by_the_next_run():
    world = World()

    def disk_of_the_catalog_is_full(name: str) -> None:
        if name in ("record_backup", "record_run_finished"):
            raise CatalogFullError("the disk is full", next_step="free some")

    outcome = execute(a_backup_action(), world.process(disk_of_the_catalog_is_full))
    assert isinstance(outcome, Failed)
    assert len(world.keys("manifest.json")) == 1
    assert len(world.catalog.leases()) == 1
    world.wait(timedelta(seconds=61))
    assert isinstance(execute(a_backup_action(), world.process()), NotNeeded)
    assert [run.state for run in world.catalog.runs(SERIES)] == [RunState.INTERRUPTED]
    assert len(world.catalog.backups(SERIES)) == 1


def test_a_manifest_is_adopted_at_once_when_only_telling_the_catalog_failed():
    world, failures = World(), [1]

    def fail_once(name: str) -> None:
        if name == "record_backup" and failures:
            failures.pop()
            raise RuntimeError

    outcome = execute(a_backup_action(), world.process(fail_once))
    assert isinstance(outcome, Failed)
    (run,) = world.catalog.runs(SERIES)
    (backup,) = world.catalog.backups(SERIES)
    assert (run.state, run.backup) == (RunState.FAILED, backup.id)
    assert world.catalog.leases() == []


def test_an_intent_says_who_writes_until_when():
    world = a_world_whose_run_died_at("open_snapshot")
    (run,) = world.catalog.runs(SERIES)
    assert world.keys("/intents/") == [intent_key("practice/app", run.id)]
    assert b'"purpose": "write"' in world.objects[intent_key("practice/app", run.id)]
    assert world.place.name == LOCAL


def test_two_backups_by_hand_do_not_disturb_each_other():
    world = World()
    assert isinstance(execute(by_hand(), world.process()), Succeeded)
    assert isinstance(execute(by_hand(), world.process()), Succeeded)
    assert len({backup.id for backup in world.catalog.backups(SERIES)}) == 2
