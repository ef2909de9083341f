"""A clock of ours that jumped makes marks look old: nothing goes while others say so (I8, F69)."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from orchestrator.execution.executor import execute
from orchestrator.model.actions import CollectChunks, PruneCopy
from orchestrator.model.outcome import Failed, Outcome, Succeeded
from orchestrator.model.plan import SkipKind
from orchestrator.reconciler.cycle import PassResult
from tests.unit.execution.pruning_world import DAY, DELAY, HOUR, PruningWorld
from tests.unit.execution.world import LOCAL, SERIES

JUMP = timedelta(hours=48)
MINUTE = timedelta(minutes=1)


def a_world_with_marked_copies() -> PruningWorld:
    """A copy was marked just now; destination and database have ours for their clock until a jump."""
    world = PruningWorld()
    set_others(world, lambda: world.clock.time)
    world.live(2)
    world.do_pass()
    assert any(copy.expired_at for backup in world.backups for copy in backup.copies)
    return world


def set_others(world: PruningWorld, clock: Callable[[], datetime]) -> None:
    world.place._clock = world.server.clock = clock


def jump(world: PruningWorld, by: timedelta) -> None:
    """Our clock alone is set to another time."""
    world.clock.time += by
    set_others(world, lambda: world.clock.time - by)


def prunes(result: PassResult) -> list[Outcome]:
    return [one for one in result.outcomes if isinstance(one.action, PruneCopy | CollectChunks)]


@pytest.mark.parametrize("by", [JUMP, timedelta(days=400)])
def test_nothing_goes_when_our_clock_jumps_forward(by: timedelta):
    world = a_world_with_marked_copies()
    before = world.manifests
    jump(world, by)
    for _ in range(3):
        world.wait(MINUTE)
        world.do_pass()
    assert before <= world.manifests


def test_a_jump_that_only_the_destination_sees_is_a_refusal_that_is_told():
    world = a_world_with_marked_copies()
    before = world.manifests
    world.place._clock = lambda: world.clock.time - timedelta(minutes=6)
    world.wait(DELAY + HOUR)
    refused = prunes(world.do_pass())
    assert {type(one) for one in refused} == {Failed}
    assert {one.error.code for one in refused if isinstance(one, Failed)} == {"ORC-403"}
    assert "the destination says" in str(refused[0])
    assert world.manifests == before
    assert [one.error.code for one in world.catalog.setbacks()] == ["ORC-403"] * 2


def test_what_was_refused_goes_when_the_clocks_agree_again():
    world = a_world_with_marked_copies()
    before = world.manifests
    world.place._clock = lambda: world.clock.time - timedelta(minutes=6)
    world.wait(DELAY + HOUR)
    world.do_pass()
    world.place._clock = lambda: world.clock.time - timedelta(minutes=4)
    assert {type(one) for one in prunes(world.do_pass())} == {Succeeded}
    assert world.manifests < before
    assert world.keys("/intents/") == []


def test_a_database_whose_clock_is_another_refuses_in_the_plan_until_it_agrees():
    world = a_world_with_marked_copies()
    world.server.clock = lambda: world.clock.time - timedelta(minutes=6)
    world.place._clock = None
    world.wait(DAY)
    before = world.manifests
    world.do_pass()
    (skip,) = [s for s in world.do_pass().plan.skipped if s.kind is SkipKind.PRUNE_REFUSED]
    assert "the clock cannot be trusted: the database says" in skip.reason
    assert before <= world.manifests
    world.server.clock = lambda: world.clock.time
    world.wait(DAY)
    world.do_pass()
    assert not before <= world.manifests


def test_an_attempt_that_failed_after_its_snapshot_still_tells_the_time_of_the_database():
    world = a_world_with_marked_copies()
    world.server.clock = lambda: world.clock.time - JUMP
    world.server.snapshot_is_lost = True
    world.wait(DAY)
    world.do_pass()
    assert world.catalog.histories([SERIES])[SERIES].failures[-1].server_ahead is not None
    (skip,) = [s for s in world.do_pass().plan.skipped if s.kind is SkipKind.PRUNE_REFUSED]
    assert "the database says" in skip.reason


def test_a_collection_by_itself_is_refused_too_and_leaves_nothing_behind():
    world = a_world_with_marked_copies()
    objects = dict(world.objects)
    world.place._clock = lambda: world.clock.time - JUMP
    action = CollectChunks(series=SERIES, destination=LOCAL, reason="a test wants it")
    outcome = execute(action, world.process())
    assert isinstance(outcome, Failed)
    assert outcome.error.code == "ORC-403"
    assert world.objects == objects


def test_a_writer_that_takes_long_is_no_clock_that_differs():
    world = a_world_with_marked_copies()
    world.wait(DELAY + HOUR)
    create = world.place.create

    def slowly(*args: object) -> None:
        create(*args)  # type: ignore[arg-type] - passes on
        world.wait(timedelta(minutes=20))

    world.place.create = slowly  # type: ignore[method-assign] - a slow place
    assert Succeeded in {type(one) for one in prunes(world.do_pass())}
