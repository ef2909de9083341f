"""Measuring destinations: only ours, beside the work, and a place that hangs hinders nobody."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from threading import Event
from time import monotonic

import pytest

from orchestrator.destinations.memory import MemoryDestination
from orchestrator.errors import DestinationUnreachableError
from orchestrator.execution.context import Execution
from orchestrator.execution.executor import execute
from orchestrator.execution.measure_space import SpaceGauge
from orchestrator.model.names import ObjectKey
from orchestrator.model.space import Space, SpaceHistory
from orchestrator.reconciler.monitoring.look_at_health import look_at_health, read_figures
from tests.unit.execution.world import LOCAL, World, by_hand

MIB = 2**20


def a_world(*, size: int | None = MIB, capacity: int | None = None) -> World:
    """One destination of so many bytes, in use."""
    world = World(place=MemoryDestination(LOCAL, capacity=size))
    world.desired = replace(
        world.desired,
        destinations={
            name: replace(place, capacity=capacity)
            for name, place in world.desired.destinations.items()
        },
    )
    execute(by_hand(), world.process())
    return world


def measured(world: World) -> SpaceHistory:
    return SpaceGauge().measure(world.process())[LOCAL]


def stored(world: World) -> int:
    return sum(map(len, world.objects.values()))


def test_what_is_free_is_measured_and_recorded():
    world = a_world()
    [one] = measured(world).measurements

    assert one.space == Space(free=MIB - stored(world), whole=MIB)
    assert world.catalog.space()[LOCAL].measurements == (one,)


def test_a_declared_capacity_less_what_is_stored_is_what_is_free():
    world = a_world(size=None, capacity=MIB)

    assert measured(world).measurements[0].space == Space(free=MIB - stored(world), whole=MIB)


def test_a_capacity_beyond_what_the_place_has_gives_no_room():
    world = a_world(size=MIB, capacity=10 * MIB)

    assert measured(world).measurements[0].space == Space(free=MIB - stored(world), whole=10 * MIB)


def test_more_stored_than_the_capacity_is_nothing_free():
    assert measured(a_world(size=None, capacity=1)).measurements[0].space == Space(free=0, whole=1)


def test_a_place_with_a_capacity_is_not_listed_more_often_than_every_minute():
    world = a_world(capacity=MIB)
    gauge, execution = SpaceGauge(), world.process()
    for _ in range(3):
        gauge.measure(execution)
    assert len(world.catalog.space()[LOCAL].measurements) == 1

    world.wait(timedelta(minutes=1))
    assert len(gauge.measure(execution)[LOCAL].measurements) == 2


def test_a_capacity_that_is_declared_anew_is_measured_at_once():
    world = a_world()
    measured(world)
    world.desired = a_world(capacity=MIB // 2).desired

    assert measured(world).measurements[-1].space.whole == MIB // 2


def test_a_place_that_cannot_tell_and_has_no_capacity_is_not_measured():
    world = a_world(size=None)

    assert SpaceGauge().measure(world.process()) == {}


def test_a_place_that_was_never_used_is_not_measured():
    assert SpaceGauge().measure(World().process()) == {}


def test_a_place_that_is_not_ours_is_not_measured_and_that_is_said():
    world = a_world()
    measured(world)
    world.objects.pop(ObjectKey(".orchestrator-destination"))
    known = measured(world)

    assert len(known.measurements) == 1
    assert known.unmeasured is not None
    assert "its marker is not there" in known.unmeasured.why


class Unreachable(MemoryDestination):
    def space(self) -> Space | None:
        raise DestinationUnreachableError("the share is gone", next_step="mount it")


class Hanging(MemoryDestination):
    """Answers once it is let go."""

    let_go = Event()

    def space(self) -> Space | None:
        self.let_go.wait(30)
        return super().space()


class Broken(MemoryDestination):
    def space(self) -> Space | None:
        raise ZeroDivisionError


def with_place(world: World, kind: type[MemoryDestination]) -> Execution:
    place = kind(LOCAL, capacity=MIB)
    place._objects = world.place._objects
    world.place = place
    return world.process()


@pytest.mark.parametrize(
    ("kind", "why"),
    [(Unreachable, "the share is gone"), (Broken, "an unexpected ZeroDivisionError")],
)
def test_a_place_that_fails_is_remembered_until_it_can_be_measured(
    kind: type[MemoryDestination], why: str
):
    world = a_world()
    known = SpaceGauge().measure(with_place(world, kind))[LOCAL]
    assert known.unmeasured is not None
    assert known.unmeasured.why == why

    assert SpaceGauge().measure(with_place(world, MemoryDestination))[LOCAL].unmeasured is None


def test_what_nobody_foresaw_is_a_warning_whose_traceback_only_debugging_shows(
    caplog: pytest.LogCaptureFixture,
):
    world = a_world()
    with caplog.at_level(logging.DEBUG, logger="orchestrator"):
        SpaceGauge().measure(with_place(world, Broken))

    traced = [record for record in caplog.records if record.exc_info]
    assert [record.levelno for record in traced] == [logging.DEBUG]
    [warning] = [record for record in caplog.records if record.levelno > logging.INFO]
    assert (warning.levelno, warning.getMessage()) == (logging.WARNING, "space_not_measured")
    assert vars(warning)["what"] == "ZeroDivisionError"


@contextmanager
def hanging() -> Iterator[None]:
    Hanging.let_go.clear()
    try:
        yield
    finally:
        Hanging.let_go.set()


def test_a_place_that_hangs_is_asked_once_and_hinders_nobody():
    world = a_world()
    gauge, execution = SpaceGauge(), with_place(world, Hanging)
    with hanging():
        began = monotonic()
        assert gauge.measure(execution, patience=0.05) == {}
        world.wait(timedelta(seconds=5))
        unmeasured = gauge.measure(execution, patience=0.05)[LOCAL].unmeasured
        assert monotonic() - began < 2
        assert unmeasured is not None
        assert unmeasured.why == "it did not answer within 5 s"
        assert len(gauge._asked) == 1


def test_an_answer_that_comes_late_is_recorded_by_the_next_look():
    world = a_world()
    gauge, execution = SpaceGauge(), with_place(world, Hanging)
    with hanging():
        gauge.measure(execution, patience=0.01)
    known = gauge.measure(execution)[LOCAL]

    assert known.unmeasured is None
    assert len(known.measurements) == 1


def a_world_measured_when_the_clock_was_ahead(*, capacity: int | None = None) -> World:
    world = a_world(capacity=capacity)
    world.wait(timedelta(days=400))
    measured(world)
    world.wait(-timedelta(days=400))
    return world


def test_a_measurement_from_the_future_is_not_the_latest():
    world = a_world_measured_when_the_clock_was_ahead(capacity=MIB)
    known = measured(world)

    assert [world.clock.time - one.at < timedelta(seconds=1) for one in known.measurements] == [
        True
    ]


def test_nobody_is_shown_or_told_what_was_measured_in_the_future():
    world = a_world_measured_when_the_clock_was_ahead()
    execution = world.process()
    desired, reader, machine = execution.desired, execution.reader, execution.machine
    health = look_at_health(desired, reader, world.clock, machine)
    figures = read_figures(desired, reader, health.seen)

    assert health.space[LOCAL].latest is None
    assert figures.places[0].space is None
