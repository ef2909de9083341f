"""The loop, with a clock that a test moves (design §7; F01, F15, F17, F65, F69, F71, F75-F77)."""

import logging
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from orchestrator.catalog.open import open_catalog
from orchestrator.errors import CatalogUnreachableError
from orchestrator.model.backup import Slot
from orchestrator.model.run import LogAction, LogOutcome, RunState
from orchestrator.reconciler.loop import Loop, LoopEnd
from orchestrator.reconciler.passes import note_missed, run_pass
from tests.support.builders import (
    a_desired_state,
    a_pause,
    a_policy,
    a_revision,
    a_schedule,
    a_series,
    a_source,
    an_entry_of,
)
from tests.support.in_memory_engine import InMemoryDatabase, table_name
from tests.unit.execution.world import SERIES, Fate, Killed, World
from tests.unit.reconciler.loop_world import Place

HOUR, MINUTE, SECOND = timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)
DAY = timedelta(days=1)
HOURLY = a_desired_state(a_policy(schedules=[a_schedule("hourly", "0 * * * *", catch_up=HOUR)]))


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> Iterator[Counter[str]]:
    """How often each event was logged so far."""
    counter: Counter[str] = Counter()

    class Counting(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            counter[record.getMessage()] += 1

    handler = Counting()
    logger = logging.getLogger("orchestrator.reconciler.events")
    logger.addHandler(handler)
    with caplog.at_level(logging.INFO, logger=logger.name):
        yield counter
    logger.removeHandler(handler)


@pytest.fixture
def place() -> Place:
    return Place()


def an_hourly_place() -> Place:
    return Place(World(desired=HOURLY))


def answered(place: Place) -> list[Slot]:
    return [slot for run in place.world.catalog.runs() for slot in run.reason.slots]


def entries(place: Place, action: LogAction) -> list[dict[str, str]]:
    return [dict(e.detail) for e in place.world.catalog.log() if e.action is action]


def settle(loop: Loop) -> None:
    """Look until nothing is under way any more."""
    loop.look()
    while loop._crew.busy:
        loop._crew.wait(10)
        loop.look()


# ------------------------------------------------------------------ what is due
def test_a_loop_takes_the_first_backup_at_once_and_each_slot_once(place: Place):
    assert place.run_for(DAY + HOUR) is LoopEnd.FINISHED
    assert [str(backup.reason) for backup in place.world.catalog.backups(SERIES)] == [
        "first backup of the series",
        "due: daily 2026-11-23T02:00Z",
    ]


def test_a_slot_is_taken_within_a_step_of_its_time():
    place = an_hourly_place()
    place.run_for(3 * HOUR)
    late = [
        run.started_at - run.reason.slots[0].at
        for run in place.world.catalog.runs()
        if run.reason.slots
    ]
    assert len(late) == 3
    assert max(late) < SECOND


def several(*names: str, max_parallel: int = 2, cron: str = "0 2 * * *") -> Place:
    """A place with one policy per name, each with a small database of that name."""
    schedules = [a_schedule("due", cron, catch_up=HOUR)]
    policies = [a_policy(n, source=a_source(databases=[n]), schedules=schedules) for n in names]
    world = World(desired=a_desired_state(*policies, max_parallel=max_parallel))
    for name in names:
        world.server.databases[name] = InMemoryDatabase(tables={table_name("public.t"): [b"1"]})
    return Place(world)


def test_two_loops_over_five_hundred_slots_make_five_hundred_runs():
    place = several(*(f"p{number}" for number in range(10)), max_parallel=4, cron="0 * * * *")
    run_pass(place.world.process())
    loops = [place.loop(), place.loop()]
    with ThreadPoolExecutor(2) as pool:
        for _ in range(50):
            place.world.wait(HOUR)
            list(pool.map(settle, loops))
    runs = [run for run in place.world.catalog.runs() if run.reason.slots]
    assert len(runs) == 500
    assert {run.state for run in runs} == {RunState.SUCCEEDED}
    assert len({(run.series, run.reason.slots) for run in runs}) == 500


def test_two_loops_over_one_sqlite_catalog_make_one_run_per_slot(tmp_path: Path):
    with closing(open_catalog(f"sqlite:///{tmp_path}/catalog.sqlite3")) as catalog:
        shared: Any = catalog
        place = Place(World(desired=HOURLY, catalog=shared))
        run_pass(place.world.process())
        loops = [place.loop(), place.loop()]
        with ThreadPoolExecutor(2) as pool:
            for _ in range(30):
                place.world.wait(HOUR)
                list(pool.map(settle, loops))
        assert len(catalog.runs()) == 31
        assert len(set(answered(place))) == 30


def test_after_a_year_of_outage_one_slot_is_made_up_for_and_the_rest_is_recorded():
    place = an_hourly_place()
    run_pass(place.world.process())
    place.world.wait(365 * DAY)
    place.run_for(MINUTE)
    assert len(answered(place)) == 1
    (missed,) = entries(place, LogAction.MISS)
    assert (missed["slots"], missed["first"]) == ("8759", "2026-11-22T03:00Z")
    place.run_for(MINUTE)
    assert len(entries(place, LogAction.MISS)) == 1


def test_a_pass_that_was_frozen_while_it_looked_takes_no_miss_back():
    place = an_hourly_place()
    world = place.world
    run_pass(world.process())
    world.wait(5 * HOUR)

    def freeze(name: str) -> None:
        if name == "missed_until" and not entries(place, LogAction.MISS):
            world.wait(5 * HOUR)
            run_pass(world.process())

    run_pass(world.process(freeze))
    assert len(entries(place, LogAction.MISS)) == 1
    (until,) = world.catalog.missed_until().values()
    assert world.clock.now() - until < 2 * HOUR


def test_a_backup_by_hand_does_not_hide_what_was_missed_before_it():
    place = an_hourly_place()
    run_pass(place.world.process())
    place.world.wait(3 * HOUR)
    note_missed(place.world.process())
    note_missed(place.world.process())
    assert [detail["slots"] for detail in entries(place, LogAction.MISS)] == ["2"]


def test_an_edited_schedule_does_not_fire_back(place: Place):
    place.run_for(MINUTE)
    for hour, digest in ((1, "beef"), (4, "cafe")):
        edited = a_policy(schedules=[a_schedule("daily", f"0 {hour} * * *", catch_up=12 * HOUR)])
        place.files.write(a_desired_state(edited, revision=a_revision(digest)))
        place.run_for(65 * MINUTE)
    assert [str(slot.at.time()) for slot in answered(place)] == ["04:00:00"]


def test_while_one_series_takes_hours_the_others_have_their_slots():
    place = several("slow", "quick")
    loop = place.loop()
    settle(loop)
    place.world.wait(DAY)
    loop._crew._at_work[a_series("slow", "slow")] = ((), Future())
    loop.look()
    loop._crew.wait(5)
    taken = [run.series.policy for run in place.world.catalog.runs() if run.reason.slots]
    assert taken == ["quick"]


# ------------------------------------------------------------------ failures
def test_failures_are_tried_again_with_longer_and_longer_waits(place: Place):
    databases, place.world.server.databases = place.world.server.databases, {}
    place.run_for(40 * MINUTE)
    starts = [run.started_at for run in place.world.catalog.runs()]
    waits = [(after - before) / MINUTE for before, after in pairwise(starts)]
    assert [round(wait) for wait in waits] == pytest.approx([1, 2, 4, 8, 16], rel=0.3)
    place.world.server.databases = databases
    place.run_for(40 * MINUTE)
    assert place.world.catalog.runs()[-1].state is RunState.SUCCEEDED


def test_a_trouble_with_the_catalog_ends_no_loop(place: Place, said: Counter[str]):
    broken = [True]

    def break_down(name: str) -> None:
        if broken and name == "leases":
            raise CatalogUnreachableError("the catalog is away", next_step="wait")

    loop = place.loop(before=break_down)
    place.run_for(2 * MINUTE, loop)
    assert 4 <= said["pass_failed"] <= 6
    broken.clear()
    settle(place.loop())
    assert len(place.world.catalog.backups(SERIES)) == 1


def test_a_defect_in_a_pass_ends_no_loop(place: Place, said: Counter[str]):
    place.files.trouble = RuntimeError("a defect")
    place.run_for(MINUTE)
    assert said["pass_failed"] > 1
    assert not place.world.catalog.runs()


def test_what_leaves_no_attempt_behind_is_not_tried_in_a_circle(place: Place):
    run_pass(place.world.process())
    tried: list[str] = []

    def unreadable(name: str) -> None:
        if name == "record_verification":
            tried.append(name)
            raise RuntimeError

    (backup,) = place.world.catalog.backups(SERIES)
    place.world.catalog._backups[backup.id] = replace(
        backup, copies=tuple(replace(copy, level=None) for copy in backup.copies)
    )
    place.run_for(10 * MINUTE, place.loop(before=unreadable))
    assert 3 <= len(tried) <= 6


def test_a_dead_predecessor_is_recovered_and_its_backup_taken(place: Place):
    with suppress(Killed):
        run_pass(place.world.process(Fate(dies_at=40).step, workers=1))
    place.world.kill_all()
    place.run_for(MINUTE)
    states = [run.state for run in place.world.catalog.runs()]
    assert states in (
        [RunState.INTERRUPTED, RunState.SUCCEEDED],
        [RunState.INTERRUPTED],
    )
    assert len(place.world.catalog.backups(SERIES)) == 1


# ------------------------------------------------------------------ pauses
def test_a_pause_made_by_another_process_is_noticed_and_its_end_too():
    place = an_hourly_place()
    place.run_for(MINUTE)
    pause = a_pause(place.world.clock.time + 5 * HOUR + 30 * MINUTE, since=place.world.clock.time)
    place.world.catalog.record_pause(pause, an_entry_of(LogAction.PAUSE))
    place.run_for(5 * HOUR)
    assert answered(place) == []
    place.run_for(HOUR)
    assert [slot.at.hour for slot in answered(place)] == [7, 8]
    assert [detail["slots"] for detail in entries(place, LogAction.MISS)] == ["1"] * 4


# ------------------------------------------------------------------ clocks
def test_a_clock_that_jumps_a_year_ahead_and_back_leaves_the_timeline_alive(
    said: Counter[str],
):
    place = an_hourly_place()
    loop = place.loop()
    place.run_for(2 * HOUR, loop)
    for jump in (365 * DAY, -366 * DAY, DAY):
        jumps = iter([jump])

        def leap(jumps: Iterator[timedelta] = jumps) -> None:
            place.world.wait(next(jumps, timedelta(0)))

        place.on_sleep = leap
        place.end = None
        place.run_for(jump + 3 * HOUR, place.loop())
    assert said["clock_jumped"] == 3
    slots = answered(place)
    assert len(slots) == len(set(slots))
    place.on_sleep = lambda: None
    place.run_for(3 * HOUR)
    assert len(answered(place)) == len(slots) + 3


# ------------------------------------------------------------------ policies
def test_invalid_files_are_said_once_and_the_last_good_ones_stay(said: Counter[str]):
    place = an_hourly_place()
    loop = place.loop()
    settle(loop)
    place.files.write(place.files.desired, "a.yaml:3:5: what is that")
    place.run_for(2 * HOUR, loop)
    assert (said["policies_invalid"], said["policy_problem"]) == (1, 1)
    assert len(answered(place)) == 2
    failed = [entry for entry in place.world.catalog.log() if entry.outcome is LogOutcome.FAILED]
    assert [entry.detail["1"] for entry in failed] == ["a.yaml:3:5: what is that"]


def test_files_that_are_mended_are_said_to_be(place: Place, said: Counter[str]):
    loop = place.loop()
    for problems in ((), ("a.yaml:3:5: what is that",), ()):
        place.files.write(place.files.desired, *problems)
        settle(loop)
    assert (said["policies_mended"], said["policies_changed"]) == (1, 0)


def test_changed_files_are_noticed_within_seconds(place: Place, said: Counter[str]):
    settle(place.loop())

    def edit() -> None:
        if place.sleeps == 5:
            place.files.write(a_desired_state(a_policy(), revision=a_revision("beef")))

    place.on_sleep = edit
    place.run_for(8 * SECOND)
    assert said["policies_changed"] == 1


def test_a_request_to_reload_reads_the_files_again(place: Place):
    loop = place.loop()
    settle(loop)
    before = place.files.times_read
    place.asked.reloads += 1
    settle(loop)
    assert place.files.times_read == before + 1
    place.run_for(6 * MINUTE, loop)
    assert place.files.times_read == before + 2, "secrets are read again every five minutes"


# ------------------------------------------------------------------ stopping
def test_a_loop_that_is_asked_to_stop_lets_the_run_under_way_end(place: Place, said: Counter[str]):
    def stop(name: str) -> None:
        if name == "open_snapshot":
            place.asked.stops = 1

    assert place.loop(grace=MINUTE, before=stop).run() is LoopEnd.FINISHED
    assert len(place.world.catalog.backups(SERIES)) == 1
    assert said["loop_stopped"] == 1


def test_a_run_that_does_not_end_in_time_is_closed_as_interrupted(place: Place):
    def stop(name: str) -> None:
        if name == "open_snapshot":
            place.asked.stops = 2
            while not loop._interruption._requested.is_set():
                pass

    loop = place.loop(before=stop)
    assert loop.run() is LoopEnd.BROKEN_OFF
    (run,) = place.world.catalog.runs()
    assert run.state is RunState.INTERRUPTED
    assert place.world.catalog.leases() == []
    assert place.world.inbox.received == []
