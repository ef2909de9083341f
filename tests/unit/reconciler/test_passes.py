"""One pass makes reality match; the second has nothing to do (invariants I9, I15-I17, I20)."""

import logging
import threading
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from orchestrator.errors import CatalogError, CatalogUnreachableError
from orchestrator.execution.context import Execution
from orchestrator.model.actions import Action, CollectChunks, RecoverSeries, TakeBackup, VerifyCopy
from orchestrator.model.alert import AlertKind
from orchestrator.model.outcome import Failed, Outcome, Succeeded
from orchestrator.model.policy import Policy
from orchestrator.model.run import LogAction, RunState
from orchestrator.model.verification import Level
from orchestrator.planning.planner import make_plan
from orchestrator.ports.engine import ChunkReader
from orchestrator.reconciler import carry_out
from orchestrator.reconciler.carry_out import Done, work_off
from orchestrator.reconciler.observe import observe
from orchestrator.reconciler.passes import PassResult, run_pass
from orchestrator.reconciler.telling import note_outcome
from tests.support.builders import (
    a_desired_state,
    a_policy,
    a_revision,
    a_schedule,
    a_series,
    a_source,
)
from tests.support.in_memory_engine import InMemoryDatabase, table_name
from tests.unit.execution.world import LOCAL, SERIES, Fate, Killed, World, by_hand


def a_pass(world: World) -> PassResult:
    return run_pass(world.process())


def test_the_first_pass_takes_a_backup_and_the_second_has_nothing_to_do():
    world = World()
    first = a_pass(world)
    assert [type(action) for action in first.plan.actions] == [TakeBackup]
    assert isinstance(first.outcomes[0], Succeeded)
    second = a_pass(world)
    assert (second.plan.actions, second.outcomes, second.deliveries) == ((), (), ())


def test_a_slot_that_comes_is_answered_once():
    world = World()
    a_pass(world)
    world.wait(timedelta(days=1))
    assert len(a_pass(world).outcomes) == 1
    assert a_pass(world).outcomes == ()
    assert [str(backup.reason) for backup in world.catalog.backups(SERIES)] == [
        "first backup of the series",
        "due: daily 2026-11-23T02:00Z",
    ]


def test_what_is_in_force_is_recorded_once_per_revision():
    world = World()
    a_pass(world)
    a_pass(world)
    revision, schedules = world.catalog.applied()
    assert revision == world.desired.revision
    assert [(s.schedule, s.cron) for s in schedules] == [("daily", "0 2 * * *")]
    assert [e.action for e in world.catalog.log()].count(LogAction.APPLY) == 1


def test_a_schedule_keeps_its_date_until_its_form_changes():
    world = World()
    a_pass(world)
    ((before,)) = world.catalog.applied()[1]
    world.wait(timedelta(minutes=5))
    world.desired = a_desired_state(
        a_policy(schedules=[a_schedule(), a_schedule("hourly", "0 * * * *")]),
        revision=a_revision("beef"),
    )
    a_pass(world)
    kept, added = world.catalog.applied()[1]
    assert kept == before
    assert added.since >= before.since + timedelta(minutes=5)


def test_a_failure_is_told_once_and_retried_by_the_next_pass():
    world = World()
    databases, world.server.databases = world.server.databases, {}
    failed = a_pass(world)
    assert isinstance(failed.outcomes[0], Failed)
    assert len(failed.deliveries) == 1
    assert world.inbox.received[0].error.code == "ORC-203"
    world.server.databases = databases
    assert isinstance(a_pass(world).outcomes[0], Succeeded)
    kinds = [alert.kind for alert in world.inbox.received]
    assert kinds == [AlertKind.OPENED, AlertKind.RECOVERED]


def several(*names: str, max_parallel: int = 2) -> World:
    """A world with one policy per name, each with a database of that name."""
    world = World()
    policies = [a_policy(name, source=a_source(databases=[name])) for name in names]
    world.desired = a_desired_state(*policies, max_parallel=max_parallel)
    for name in names:
        rows = [f"{name}\t{i}".encode() for i in range(20)]
        world.server.databases[name] = InMemoryDatabase(tables={table_name("public.t"): rows})
    return world


@pytest.mark.parametrize("max_parallel", [1, 2, 4])
def test_series_that_share_a_new_destination_are_backed_up_side_by_side(max_parallel: int):
    for _ in range(10):
        world = several("one", "two", "three", "four", max_parallel=max_parallel)
        result = a_pass(world)
        assert all(isinstance(outcome, Succeeded) for outcome in result.outcomes)
        assert len(result.outcomes) == 4
        assert a_pass(world).outcomes == ()


def test_a_broken_series_does_not_stop_the_others():
    world = several("one", "two")
    del world.server.databases["one"]
    result = a_pass(world)
    assert [type(outcome) for outcome in result.outcomes] == [Failed, Succeeded]
    assert [alert.series for alert in world.inbox.received] == [(a_series("one", "one"),)]


def test_a_backup_that_was_not_proved_is_proved_by_the_next_pass():
    world = World()
    fate_of_verification = [True]

    def unreadable(name: str) -> None:
        if name == "record_verification" and fate_of_verification:
            raise RuntimeError

    failed = run_pass(world.process(unreadable))
    assert isinstance(failed.outcomes[0], Failed)
    result = a_pass(world)
    assert VerifyCopy in {type(action) for action in result.plan.actions}
    assert world.catalog.backups(SERIES)[-1].level is Level.CONTENT
    assert a_pass(world).outcomes == ()


def test_a_pass_killed_before_any_call_is_finished_by_the_next_one():
    call, is_dead = 0, True
    while is_dead:
        call += 1
        world, fate = World(), Fate(dies_at=call)
        with suppress(Killed):
            run_pass(world.process(fate.step, workers=1))
        world.kill_all()
        is_dead = fate.is_dead
        result = a_pass(world)
        assert not [outcome for outcome in result.outcomes if isinstance(outcome, Failed)]
        assert a_pass(world).outcomes == ()
        assert [b.level for b in world.catalog.backups(SERIES)] == [Level.CONTENT]
        assert {run.state for run in world.catalog.runs()} <= {
            RunState.SUCCEEDED,
            RunState.INTERRUPTED,
        }
    assert call > 60


def test_a_dead_run_is_recovered_before_its_series_is_worked_on():
    world = World()
    fate = Fate(dies_at=40)
    with suppress(Killed):
        run_pass(world.process(fate.step, workers=1))
    world.kill_all()
    result = a_pass(world)
    assert isinstance(result.plan.actions[0], RecoverSeries)
    assert isinstance(result.outcomes[0], Succeeded)


def test_the_plan_of_a_pass_is_the_plan_that_plan_shows():
    world = World()
    execution = world.process()
    seen = observe(world.desired, execution.reader, execution.clock, execution.machine)
    shown = make_plan(world.desired, seen)
    done = run_pass(execution).plan
    assert (shown.actions, shown.skipped) == (done.actions, done.skipped)


def test_an_observation_as_if_at_another_time_uses_that_time_for_all():
    world = World()
    execution = world.process()
    at = world.clock.now() + timedelta(days=3)
    seen = observe(world.desired, execution.reader, execution.clock, execution.machine, at=at)
    assert seen.now == at


def test_a_catalog_that_fails_after_the_backups_loses_none_of_what_came_of_them():
    world, has_run = World(), list[str]()

    def fail_once_a_backup_was_taken(name: str) -> None:
        has_run.extend([name] if name == "record_run_finished" else [])
        if has_run and name == "histories":
            raise CatalogUnreachableError("it stayed locked", next_step="try again")

    result = run_pass(world.process(fail_once_a_backup_was_taken))
    assert [type(one) for one in result.outcomes] == [Succeeded]
    assert result.unsettled is not None
    assert result.unsettled.code == "ORC-601"
    assert "it stayed locked" in world.inbox.received[0].error.what


def test_an_interrupt_reaches_every_series_and_closes_every_run():
    world = several("one", "two")
    execution = world.process()

    def press_ctrl_c(name: str) -> None:
        if name == "open_snapshot":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_pass(replace(world.process(press_ctrl_c), interruption=execution.interruption))
    assert {run.state for run in world.catalog.runs()} <= {RunState.INTERRUPTED}
    assert world.catalog.leases() == []
    assert world.inbox.received == []


def test_a_defect_in_one_series_breaks_no_other_off(monkeypatch: pytest.MonkeyPatch):
    world = several("one", "two")
    del world.server.databases["one"]
    execution, is_out, is_interrupted = world.process(), threading.Event(), list[bool]()

    def with_a_defect(
        outcome: Outcome, execution: Execution, *, began: datetime
    ) -> CatalogError | None:
        if outcome.action.series == a_series("one", "one"):
            is_out.set()
            raise RuntimeError("a defect")
        return note_outcome(outcome, execution, began=began)

    def wait_for_the_defect(reader: ChunkReader) -> ChunkReader:
        assert is_out.wait(10)
        is_interrupted.append(execution.interruption._requested.wait(0.2))
        return reader

    monkeypatch.setattr(carry_out, "note_outcome", with_a_defect)
    world.server.disguise_reader = wait_for_the_defect
    with pytest.raises(RuntimeError, match="a defect"):
        run_pass(execution)
    assert not any(is_interrupted)
    assert len(world.catalog.backups(a_series("two", "two"))) == 1


def test_a_defect_in_telling_is_logged_in_a_line_and_its_traceback_only_for_who_asks(
    caplog: pytest.LogCaptureFixture,
):
    world, calls = World(), list[str]()

    def break_down(name: str) -> None:
        if name == "incidents" and not calls:
            calls.append(name)
            raise RuntimeError("a defect")

    with caplog.at_level(logging.DEBUG, logger="orchestrator.reconciler.passes"):
        result = run_pass(world.process(break_down))
    assert isinstance(result.outcomes[0], Succeeded)
    traces = [(one.levelname, one.exc_info is not None) for one in caplog.records]
    assert traces == [("WARNING", False), ("DEBUG", True)]
    assert caplog.records[0].__dict__["what"] == "an unexpected RuntimeError"


def test_a_policy_without_alerts_tells_nobody_and_fails_all_the_same():
    world = World()
    policy: Policy = a_policy(alerts_to=())
    world.desired = a_desired_state(policy)
    world.server.databases.clear()
    result = a_pass(world)
    assert isinstance(result.outcomes[0], Failed)
    assert result.deliveries == ()
    assert world.inbox.received == []


def test_nothing_more_is_begun_for_a_series_whose_failure_the_catalog_does_not_take():
    world, begun = World(), list[Action]()

    class Watcher:
        def began(self, action: Action) -> None:
            begun.append(action)

        def ended(self, done: Done) -> None:
            assert done.unrecorded is not None

    def locked(name: str) -> None:
        if name in {"acquire", "record_setback", "runs"}:
            raise CatalogUnreachableError("it stayed locked", next_step="try again")

    collect = CollectChunks(series=SERIES, destination=LOCAL, reason="a test wants it")
    done = work_off([by_hand(), collect, collect], world.process(locked), Watcher())
    assert begun == [by_hand()]
    errors = [one.outcome.error.code for one in done if isinstance(one.outcome, Failed)]
    assert errors == ["ORC-601"] * 3
