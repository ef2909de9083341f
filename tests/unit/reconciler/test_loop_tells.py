"""A loop tells what is wrong and what is right again, beside the work (design §9; F77, F78, F80)."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from orchestrator.errors import (
    CatalogFullError,
    CatalogUnreachableError,
    SourceUnreachableError,
)
from orchestrator.execution.executor import execute
from orchestrator.model.alert import AlertKind
from orchestrator.model.policy import DesiredState, Event
from orchestrator.planning.planner import make_plan
from orchestrator.reconciler.carry_out import Done
from orchestrator.reconciler.events import Events
from orchestrator.reconciler.loop import LoopEnd
from orchestrator.reconciler.speaker import Speaker
from orchestrator.reconciler.telling import look, tell
from tests.support.builders import a_schedule, a_series, a_source
from tests.support.in_memory_engine import InMemoryDatabase, table_name
from tests.support.incident_history import a_route, in_force, routed
from tests.unit.execution.world import NOW, World
from tests.unit.reconciler.loop_world import Place

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
OPENED, REMINDER, RECOVERED = AlertKind.OPENED, AlertKind.REMINDER, AlertKind.RECOVERED


def hourly(*names: str) -> DesiredState:
    policies = [
        replace(
            routed(a_route("ops", remind_every=HOUR), name=name),
            source=a_source(databases=[name]),
            schedules=(a_schedule("hourly", "0 * * * *", catch_up=HOUR),),
        )
        for name in names or ("practice",)
    ]
    return in_force(*policies)


def a_place(*names: str) -> Place:
    world = World(desired=hourly(*names))
    for name in names or ("practice",):
        world.server.databases[name] = InMemoryDatabase(tables={table_name("public.t"): [b"1"]})
    return Place(world)


def said(place: Place) -> list[tuple[Event, AlertKind]]:
    return [(alert.cause.event, alert.kind) for alert in place.world.inbox.received]


def test_a_failure_is_told_once_then_reminded_of_and_its_end_is_told_once():
    place = a_place()
    place.run_for(MINUTE)
    databases, place.world.server.databases = place.world.server.databases, {}
    place.run_for(3 * HOUR + 30 * MINUTE)
    place.world.server.databases = databases
    place.run_for(HOUR)
    assert said(place) == [
        (Event.FAILED, OPENED),
        (Event.FAILED, REMINDER),
        (Event.FAILED, REMINDER),
        (Event.FAILED, RECOVERED),
    ]


def test_what_breaks_together_is_one_message_that_names_all():
    names = [f"policy-{number}" for number in range(5)]
    place = a_place(*names)
    place.run_for(MINUTE)

    def away(name: str) -> None:
        if name == "open_snapshot":
            raise SourceUnreachableError("no answer", next_step="start it")

    place.world.wait(58 * MINUTE)
    place.run_for(4 * MINUTE, place.loop(before=away))
    (alert,) = place.world.inbox.received
    assert (alert.cause.subject, alert.kind) == ("server 127.0.0.1:5432", OPENED)
    assert [series.policy for series in alert.series] == names


def test_a_loop_that_was_down_tells_what_was_missed():
    place = a_place()
    place.run_for(MINUTE)
    place.world.wait(5 * HOUR)
    place.run_for(MINUTE)
    assert said(place) == [(Event.MISSED, OPENED), (Event.MISSED, RECOVERED)]
    assert "the slot 2026-11-22T03:00Z has no backup" in place.world.inbox.received[0].error.what


def test_invalid_files_are_told_once_with_their_place_and_so_is_their_end():
    place = a_place()
    place.run_for(MINUTE)
    place.files.write(place.files.desired, "policies/a.yaml:3:5: unknown key `retentoin`")
    place.run_for(59 * MINUTE + timedelta(seconds=30))
    assert len(place.world.catalog.backups(a_series("practice", "practice"))) == 2, "it goes on"
    (alert,) = place.world.inbox.received
    assert (alert.cause.event, alert.kind) == (Event.POLICY_INVALID, OPENED)
    assert "policies/a.yaml:3:5: unknown key `retentoin`" in alert.error.what
    place.files.write(place.files.desired)
    place.run_for(2 * MINUTE)
    assert said(place)[1:] == [(Event.POLICY_INVALID, RECOVERED)]


@pytest.mark.parametrize("fails", ["leases", "record_incidents"])
def test_a_catalog_that_is_full_is_told_directly_once_and_its_recovery(fails: str):
    place = a_place()
    is_full = [True]

    def full(name: str) -> None:
        if is_full and name == fails:
            raise CatalogFullError("its disk is full", next_step="make space")

    place.files.write(place.files.desired, "policies/a.yaml:3:5: what is told of")
    loop = place.loop(before=full)
    place.on_sleep = lambda: is_full.clear() if place.world.clock.time > NOW + 30 * MINUTE else None
    place.run_for(HOUR, loop)
    directly = [
        alert for alert in place.world.inbox.received if alert.cause.subject == "the catalog"
    ]
    assert [alert.kind for alert in directly] == [OPENED, RECOVERED]
    assert directly[0].error.code == "ORC-603"


UNRECORDED = ("record_run_started", "record_setback")


def test_what_a_full_catalog_does_not_take_is_told_although_it_can_be_read_and_written():
    """Only the runs of backups, which are large, and what would say that they failed do not fit."""
    place = a_place()
    place.run_for(MINUTE)
    is_full = [True]

    def full(name: str) -> None:
        if is_full and name in UNRECORDED:
            raise CatalogFullError("its disk is full", next_step="make space")

    place.on_sleep = lambda: is_full.clear() if place.world.clock.time > NOW + 90 * MINUTE else None
    place.run_for(100 * MINUTE, place.loop(before=full))
    assert place.world.inbox.received[0].error.code == "ORC-603"
    told = [one.kind for one in place.world.inbox.received if one.cause.subject == "the catalog"]
    assert told == [OPENED, RECOVERED]


def test_a_process_that_was_frozen_while_it_looked_does_not_tell_of_what_is_over():
    place = a_place()
    place.run_for(MINUTE)
    place.world.wait(5 * HOUR)
    naps = iter(["once"])

    def freeze(name: str) -> None:
        if name == "incidents" and next(naps, None):
            place.world.wait(20 * MINUTE)
            other = place.world.process()
            (action,) = make_plan(other.desired, look(other)).actions
            execute(action, other)

    frozen = place.world.process(freeze)
    tell(frozen, look(place.world.process()))
    assert said(place) == []


def stopping_at(place: Place, call: str) -> Callable[[str], None]:
    """Return what asks a loop to stop when it comes to a call."""
    place.end, place.asked.stops = None, 0

    def stop(name: str) -> None:
        if name == call:
            place.asked.stops = 1

    return stop


def test_a_backup_that_fails_while_a_stop_waits_for_it_is_told():
    place = a_place()
    place.run_for(MINUTE)
    place.world.server.databases = {}
    place.world.wait(HOUR)
    loop = place.loop(grace=MINUTE, before=stopping_at(place, "open_snapshot"))
    assert loop.run() is LoopEnd.FINISHED
    assert said(place) == [(Event.FAILED, OPENED)]


def failed_at_the_end(place: Place) -> Speaker:
    """Return a speaker that has learned of a failure and told nobody yet."""
    place.run_for(MINUTE)
    place.world.server.databases = {}
    place.world.wait(HOUR)
    process = place.world.process()
    (action,) = make_plan(process.desired, look(process)).actions
    speaker = Speaker(place, Events())
    speaker.learn(Done(action, execute(action, process)), lambda: process)
    return speaker


def test_a_failure_is_told_at_the_end_although_other_work_was_broken_off():
    place = a_place()
    speaker = failed_at_the_end(place)
    broken_off = place.world.process()
    broken_off.interruption.request()
    speaker.close(broken_off)
    assert said(place) == [(Event.FAILED, OPENED)]


def test_a_catalog_that_is_away_at_the_end_is_told_directly():
    place = a_place()
    speaker = failed_at_the_end(place)

    def away(name: str) -> None:
        if name == "leases":
            raise CatalogUnreachableError("it is away", next_step="wait")

    speaker.close(place.world.process(away))
    assert [one.cause.subject for one in place.world.inbox.received] == ["the catalog"]


def test_policy_files_that_are_invalid_stay_told_when_the_last_failure_is():
    place = a_place()
    place.run_for(MINUTE)
    place.files.write(place.files.desired, "policies/a.yaml:3:5: unknown key `retentoin`")
    place.run_for(HOUR - 2 * MINUTE)
    place.world.server.databases = {}
    loop = place.loop(grace=MINUTE, before=stopping_at(place, "open_snapshot"))
    loop.run()
    assert said(place) == [(Event.POLICY_INVALID, OPENED), (Event.FAILED, OPENED)]
