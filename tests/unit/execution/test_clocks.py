"""A clock of ours that jumped makes marks look old: nothing goes while others say so (I8, F69)."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest

from orchestrator.errors import PruneRefusedError, UsageError
from orchestrator.execution.executor import execute
from orchestrator.execution.marks.acknowledge_clock import ClockAcknowledged, acknowledge_clock
from orchestrator.model.actions import CollectChunks, PruneCopy
from orchestrator.model.outcome import Failed, Outcome, Succeeded
from orchestrator.model.plan import SkipKind
from orchestrator.model.policy import Source
from orchestrator.model.run import LogAction
from orchestrator.reconciler.passes import PassResult
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


# ------------------------------------------------------------------ a human says that it is right
def a_world_with_a_pass_from_the_future() -> PruningWorld:
    """Everything that a clock 400 days ahead left, after it was set right and a backup was taken."""
    world = a_world_with_marked_copies()
    for by in (timedelta(days=400), -timedelta(days=400)):
        jump(world, by)
        world.do_pass()
    set_others(world, lambda: world.clock.time)
    world.wait(DAY)
    world.do_pass()
    return world


@dataclass
class Servers:
    """The clocks of all servers."""

    world: PruningWorld
    ahead: timedelta = timedelta(0)

    def server_time(self, _: Source) -> datetime:
        return self.world.clock.time + self.ahead


def acknowledge(world: PruningWorld, ahead: timedelta = timedelta(0)) -> ClockAcknowledged:
    return acknowledge_clock(
        reason="ntp was off", servers=Servers(world, ahead), execution=world.process()
    )


def refusals(world: PruningWorld) -> list[str]:
    skipped = world.do_pass().plan.skipped
    return [skip.reason for skip in skipped if skip.kind is SkipKind.PRUNE_REFUSED]


def test_after_a_pass_from_the_future_nothing_goes_until_somebody_says_that_the_clock_is_right():
    world = a_world_with_a_pass_from_the_future()
    before = world.manifests
    for _ in range(3):
        world.wait(DAY)
        assert "`orchestrator acknowledge --clock --reason …`" in refusals(world)[0]
    assert before <= world.manifests
    done = acknowledge(world)
    assert done.later > world.clock.time + timedelta(days=390)
    assert (done.agreeing, dict(done.silent)) == (
        ("server 127.0.0.1:5432", "destination local"),
        {},
    )
    assert refusals(world) == []
    world.wait(DAY)
    world.do_pass()
    assert not before <= world.manifests


def test_a_clock_that_jumps_again_after_that_forbids_again():
    world = a_world_with_a_pass_from_the_future()
    acknowledge(world)
    for by in (timedelta(days=100), -timedelta(days=100)):
        jump(world, by)
        world.do_pass()
    set_others(world, lambda: world.clock.time)
    world.wait(DAY)
    world.do_pass()
    assert "before the last pass at" in refusals(world)[0]


@pytest.mark.parametrize("who", ["server", "destination"])
def test_a_clock_that_disagrees_cannot_be_acknowledged(who: str):
    world = a_world_with_a_pass_from_the_future()
    if who == "destination":
        world.place._clock = lambda: world.clock.time - JUMP
    before = len(world.catalog.log())
    with pytest.raises(PruneRefusedError, match=f"{who} .* says .* earlier than"):
        acknowledge(world, -JUMP if who == "server" else timedelta(0))
    assert len(world.catalog.log()) == before
    assert not world.keys(".orchestrator-probe")


def test_a_clock_that_cannot_be_asked_is_named_and_hinders_nobody():
    world = a_world_with_a_pass_from_the_future()
    world.place._clock = None
    assert dict(acknowledge(world).silent) == {"destination local": "it has no clock"}


def test_a_place_that_takes_long_to_answer_hinders_nobody():
    world = a_world_with_a_pass_from_the_future()
    stat = world.place.stat

    def slowly(*args: object) -> object:
        world.wait(timedelta(minutes=20))
        return stat(*args)  # type: ignore[arg-type] - passes on

    world.place.stat = slowly  # type: ignore[assignment] - a slow place
    assert len(acknowledge(world).agreeing) == 2


def test_where_nothing_speaks_against_the_clock_nothing_is_acknowledged():
    world = a_world_with_marked_copies()
    with pytest.raises(UsageError, match="nothing speaks against the clock"):
        acknowledge(world)
    assert not [one for one in world.catalog.log() if one.action is LogAction.ACKNOWLEDGE]


def test_an_acknowledgement_needs_a_reason():
    world = a_world_with_a_pass_from_the_future()
    with pytest.raises(UsageError, match="reason is empty"):
        acknowledge_clock(reason=" ", servers=Servers(world), execution=world.process())
