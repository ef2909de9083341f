"""kill -9 before any call of any port of a pass that prunes and collects (I3-I5, I8, I16, I20)."""

import random
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta

from orchestrator.errors import LeaseLostError
from orchestrator.execution.executor import execute
from orchestrator.model.backup import CopyState
from orchestrator.model.lease import Lease
from orchestrator.model.names import BackupId, ObjectKey
from orchestrator.model.outcome import Failed
from tests.unit.execution.pruning_world import DELAY, HOUR, PruningWorld
from tests.unit.execution.test_prune import WAIT, a_collection, a_prune
from tests.unit.execution.world import Fate, Killed

PASSES = 3


def a_world_with_work() -> PruningWorld:
    """One copy to prune, one to mark, chunks to collect, and a backup that is due."""
    world = PruningWorld()
    world.live(5)
    world.wait(5 * HOUR)
    return world


def best_of(world: PruningWorld) -> BackupId:
    complete = [b for b in world.backups if b.copies[0].state is CopyState.COMPLETE]
    return max(complete, key=lambda backup: backup.snapshot_at).id


def a_pass_that_dies_at(call: int, world: PruningWorld) -> bool:
    """Make a pass in a process that dies before its n-th call; whether it got so far."""
    fate = Fate(dies_at=call)
    with suppress(Killed):
        world.do_pass(fate.step)
    world.kill_all()
    return fate.is_dead


def assert_converges(world: PruningWorld, best: BackupId) -> None:
    assert best in world.manifests
    for _ in range(PASSES):
        result = world.do_pass()
        assert not any(isinstance(outcome, Failed) for outcome in result.outcomes)
    assert world.do_pass().plan.actions == ()
    assert world.ids == world.manifests
    assert all(b.copies[0].state is not CopyState.PRUNING for b in world.backups)
    world.assert_sound()


def assert_no_orphan_after_grace(world: PruningWorld) -> None:
    for _ in range(3):
        world.clock.time += WAIT + HOUR
        world.do_pass()
    world.clock.time += WAIT + HOUR
    execute(a_collection(), world.process())
    noted = world.orphans
    world.clock.time += WAIT + HOUR
    execute(a_collection(), world.process())
    assert not set(noted) & set(world.orphans)
    assert world.keys("/intents/") == []
    world.assert_sound()


def test_a_process_killed_before_any_call_of_a_pass_leaves_what_the_next_ones_finish():
    call, reached, start = 0, True, a_world_with_work()
    while reached:
        call += 1
        world = start.copy()
        best = best_of(world)
        reached = a_pass_that_dies_at(call, world)
        assert_converges(world, best)
        if call % 20 == 0:
            assert_no_orphan_after_grace(world)
    assert call > 150


def test_processes_killed_again_and_again_never_cost_the_newest_verified_backup():
    chance = random.Random(20261123)
    for _ in range(10):
        world = a_world_with_work()
        for _ in range(3):
            best = best_of(world)
            a_pass_that_dies_at(chance.randrange(1, 260), world)
            assert best in world.manifests
            world.wait(HOUR)
        assert_converges(world, best_of(world))
        assert_no_orphan_after_grace(world)


def test_a_prune_that_was_interrupted_is_finished_by_the_next_pass():
    world = PruningWorld()
    world.live(2)
    world.do_pass()
    world.wait(DELAY + HOUR)
    victim = a_prune(world)
    fate = Fate()

    def die_after_the_manifest(name: str) -> None:
        if name == "stat" and not world.keys(f"/{victim.backup}/manifest.json"):
            fate.dies_at = fate.calls + 1
        fate.step()

    with suppress(Killed):
        execute(victim, world.process(die_after_the_manifest))
    world.kill_all()
    assert world.backups[0].copies[0].state is CopyState.PRUNING
    assert world.keys(f"/{victim.backup}/")
    world.do_pass()
    assert victim.backup not in world.ids
    assert world.keys(f"/{victim.backup}/") == []


def test_a_holder_that_was_frozen_past_its_lease_removes_nothing():
    frozen_at: set[str] = set()
    for call in range(1, 60):
        world = PruningWorld()
        world.live(2)
        world.do_pass()
        world.wait(DELAY + HOUR)
        frost = Frost(world, call)
        outcome = execute(a_prune(world), world.process(frost.step))
        if frost.frozen_at is None:
            break
        frozen_at.add(frost.frozen_at)
        assert frost.there <= world.objects.keys()
        if frost.frozen_at not in {"record_pruned", "release"}:
            assert isinstance(outcome, Failed)
            assert outcome.error.code == LeaseLostError.code
    assert {"record_prune_started", "stat", "list"} <= frozen_at


@dataclass
class Frost:
    """Freezes the process for ten minutes before its n-th call of a port while it has its lease.

    Between a check and what it allows there is always an instant: that one is left out. ``there`` is
    what lay at the place then, without intents: each process removes its own.
    """

    world: PruningWorld
    call: int
    calls: int = 0
    is_holding: bool = False
    frozen_at: str | None = None
    there: set[ObjectKey] = field(default_factory=set)

    def step(self, name: str) -> None:
        if self.is_holding and name not in {"check", "remove"}:
            self.calls += 1
            if self.calls == self.call:
                self.frozen_at = name
                self.there = {key for key in self.world.objects if "/intents/" not in key}
                self.world.clock.time += timedelta(minutes=10)
        self.is_holding = self.is_holding or name == "acquire"


def test_a_lease_that_another_took_over_stops_a_prune_before_the_next_object():
    world = PruningWorld()
    world.live(2)
    world.do_pass()
    world.wait(DELAY + HOUR)
    taken: list[Lease] = []

    def take_over(name: str) -> None:
        if name == "record_prune_started" and not taken:
            (lease,) = world.catalog.leases()
            taken.append(
                world.catalog.acquire(
                    lease.series,
                    lease.run,
                    holder=lease.holder,
                    now=world.clock.time,
                    duration=HOUR,
                    taking_over=lease,
                )
            )

    outcome = execute(a_prune(world), world.process(take_over))
    assert isinstance(outcome, Failed)
    assert outcome.error.code == LeaseLostError.code
    assert a_prune(world).backup in world.manifests
