"""`orchestrator run`: making passes whenever something is due, until somebody asks to stop.

Every look decides from state alone, like any pass (design §5); what makes the loop look is only an
occasion. Series are worked on side by side, and while one takes hours the others have their slots.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum

from orchestrator.errors import CatalogError, InterruptedRunError
from orchestrator.execution.context import Execution, Interruption
from orchestrator.execution.find_databases import with_databases
from orchestrator.execution.measure_space import SpaceGauge
from orchestrator.execution.send_heartbeats import Heartbeats
from orchestrator.model.observation import Observation
from orchestrator.model.outcome import Failed
from orchestrator.model.plan import Plan, Retry
from orchestrator.model.policy import DesiredState
from orchestrator.model.run import LogAction, LogOutcome
from orchestrator.planning.planner import wake_time
from orchestrator.ports.clock import Clock, Sleeper
from orchestrator.ports.signals import Signals
from orchestrator.reconciler.carry_out import by_series
from orchestrator.reconciler.crew import Crew, Finished
from orchestrator.reconciler.events import MOST_PROBLEMS, Events
from orchestrator.reconciler.monitoring.write_metrics import write_failed_pass, write_metrics
from orchestrator.reconciler.passes import plan_pass
from orchestrator.reconciler.policies_in_force import PoliciesInForce, Reading
from orchestrator.reconciler.rests import Rests
from orchestrator.reconciler.speaker import Speaker

STEP_SECONDS = 0.5
"""How long the loop sleeps before it notices a signal, the end of some work, or a clock."""

FILES_SECONDS = 2.0
"""How often the policy files are looked at."""

LOOK_SECONDS = 60.0
"""How often the catalog is looked at, whatever is due: others pause, resume, and die."""

JUMP = timedelta(seconds=10)
"""By how much the wall clock may differ from the monotonic one in a wait before it is said."""

LONGEST_TROUBLE_SECONDS = 300.0
BREAK_OFF_SECONDS = 2.0
"""How long work that is broken off has to close its runs."""


class LoopEnd(Enum):
    """How a loop ended."""

    FINISHED = "finished"
    """Everything that was under way ended by itself."""
    BROKEN_OFF = "broken off"
    """Some run was broken off, and closed as interrupted."""
    ABANDONED = "abandoned"
    """Some run did not even take that in; the next pass of anybody recovers it."""


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What a loop needs from outside; ``grace`` is how long a stop waits for runs under way.

    ``executions`` raises nothing and reads nothing: it is asked also while the catalog is away.
    """

    clock: Clock
    sleeper: Sleeper
    signals: Signals
    executions: Callable[[DesiredState], Execution]
    grace: timedelta


@dataclass(slots=True)
class _Wait:
    """Until when a loop waits: a wall-clock time, and at the latest a monotonic one."""

    until: datetime | None
    at_latest: float
    wall: datetime
    monotonic: float


class Loop:
    """Takes what is due, as long as it runs."""

    def __init__(self, policies: PoliciesInForce, outside: Surroundings) -> None:
        """Given valid policies and the world outside, do nothing yet."""
        self._policies = policies
        self._desired = policies.desired
        self._outside = outside
        self._clock = outside.clock
        self._events = Events()
        self._crew = Crew(self._events)
        self._rests = Rests()
        self._speaker = Speaker(self._clock, self._events)
        self._gauge = SpaceGauge()
        self._heartbeats = Heartbeats()
        self._interruption = Interruption()
        self._reloads = 0
        self._troubles = 0
        self._broke_off = False

    def run(self) -> LoopEnd:
        """Run until somebody asks to stop; no exception of a pass ends it."""
        self._events.started(self._policies.desired)
        while not self._outside.signals.stops:
            self._wait(self.look())
        end = self._stop()
        self._crew.close()
        self._speaker.close(self._execution())
        self._events.stopped(end.value)
        return end

    # -------------------------------------------------------------- looking
    def look(self) -> _Wait:
        """Begin whatever is due and not under way, and return how long to wait."""
        wall, monotonic = self._clock.now(), self._clock.monotonic()
        try:
            for finished in self._crew.collect():
                self._note(finished)
            plan, seen = self._begin_pass()
            self._begin_work(plan)
            self._look_after(seen)
        except Exception as error:  # noqa: BLE001 - nothing that a pass meets may end the loop
            return self._after_trouble(error, wall, monotonic)
        self._troubles = 0
        wake = wake_time(plan)
        if not self._crew.busy:
            self._events.waiting(wake)
        ends = (self._rests.next_end(monotonic), self._speaker.speaks_at)
        at_latest = min(end for end in (monotonic + LOOK_SECONDS, *ends) if end is not None)
        return _Wait(wake, at_latest, wall, monotonic)

    def _look_after(self, seen: Observation) -> None:
        """Note and tell what is wrong, and what is well, beside the work that was just begun."""
        execution = self._execution()
        self._gauge.measure(execution, patience=0)
        self._speaker.note(seen, execution, self._policies.problems)
        self._heartbeats.beat(execution, seen, patience=0)
        write_metrics(execution, seen, policies_valid=not self._policies.problems)

    def _begin_pass(self) -> tuple[Plan, Observation]:
        reloads = self._outside.signals.reloads
        reading = self._policies.refresh(
            now=self._clock.monotonic(), force=reloads != self._reloads
        )
        self._reloads = reloads
        self._say_reading(reading)
        # Until the databases are found, the last ones found stay in force.
        in_force = self._outside.executions(self._policies.desired)
        self._desired = with_databases(in_force).desired
        plan, seen = plan_pass(self._execution(), Retry.BACK_OFF)
        self._events.planned(plan)
        return plan, seen

    def _begin_work(self, plan: Plan) -> None:
        now = self._clock.monotonic()
        self._rests.forget_all_but(plan.actions)
        ready = [action for action in plan.actions if not self._rests.is_resting(action, now)]
        for series, actions in by_series(ready).items():
            if series not in self._crew.busy and self._has_room():
                self._crew.take_on(series, actions, self._execution())

    def _has_room(self) -> bool:
        return len(self._crew.busy) < self._policies.desired.max_parallel

    def _execution(self) -> Execution:
        execution = self._outside.executions(self._desired)
        return replace(execution, interruption=self._interruption)

    def _note(self, finished: Finished) -> None:
        now = self._clock.monotonic()
        for action in finished.actions:
            self._rests.note(action, now)
        for done in finished.done:
            self._speaker.learn(done, self._execution)
        if finished.defect is not None:
            self._events.pass_failed(finished.defect, again_in=0)
        self._broke_off = self._broke_off or any(
            isinstance(done.outcome, Failed) and done.outcome.error.code == InterruptedRunError.code
            for done in finished.done
        )

    def _after_trouble(self, error: Exception, wall: datetime, monotonic: float) -> _Wait:
        self._troubles += 1
        again_in = min(5.0 * 2 ** min(self._troubles - 1, 10), LONGEST_TROUBLE_SECONDS)
        self._events.pass_failed(error, again_in=again_in)
        if isinstance(error, CatalogError):
            self._speaker.tell_directly(error, self._outside.executions(self._policies.desired))
        is_valid = not self._policies.problems
        write_failed_pass(self._execution().metrics, wall, policies_valid=is_valid)
        return _Wait(None, monotonic + again_in, wall, monotonic)

    # -------------------------------------------------------------- policies
    def _say_reading(self, reading: Reading) -> None:
        match reading:
            case Reading.CHANGED:
                self._events.policies_changed(self._policies.desired)
            case Reading.MENDED:
                self._events.policies_mended()
            case Reading.INVALID:
                self._events.policies_invalid(self._policies.problems, self._policies.desired)
                self._log_problems()
            case Reading.UNCHANGED:
                pass

    def _log_problems(self) -> None:
        problems = self._policies.problems
        shown = {str(number): text for number, text in enumerate(problems[:MOST_PROBLEMS], 1)}
        detail = {"kept_revision": self._policies.desired.revision.digest, **shown}
        execution = self._execution()
        execution.writer.append_log(
            execution.log_entry(LogAction.APPLY, "policies", LogOutcome.FAILED, detail)
        )

    # -------------------------------------------------------------- waiting
    def _wait(self, wait: _Wait) -> None:
        """Sleep in short steps until there is an occasion to look again."""
        files_at = wait.monotonic + FILES_SECONDS
        while not self._has_occasion(wait):
            now = self._clock.monotonic()
            if now >= files_at:
                files_at = now + FILES_SECONDS
                if self._policies.look_changed():
                    return
            self._speaker.send_due(self._execution)
            self._let_pass(min(STEP_SECONDS, max(wait.at_latest - now, 0.0)))
            if self._crew.has_finished():
                return

    def _has_occasion(self, wait: _Wait) -> bool:
        signals = self._outside.signals
        wall, monotonic = self._clock.now(), self._clock.monotonic()
        drift = (wall - wait.wall) - timedelta(seconds=monotonic - wait.monotonic)
        if abs(drift) >= JUMP:
            self._events.clock_jumped(drift)
            return True
        return (
            bool(signals.stops)
            or signals.reloads != self._reloads
            or monotonic >= wait.at_latest
            or (wait.until is not None and wall >= wait.until)
        )

    def _let_pass(self, seconds: float) -> None:
        if self._crew.busy:
            self._crew.wait(seconds)
        else:
            self._outside.sleeper.sleep(seconds)

    # -------------------------------------------------------------- stopping
    def _stop(self) -> LoopEnd:
        """Let what is under way end, break it off after the grace time, or leave it behind."""
        grace, asked = self._outside.grace, self._outside.signals.stops
        self._crew.begin_nothing_more()
        self._events.stopping(self._crew.busy, grace=grace)
        self._drain(grace.total_seconds(), asked)
        if self._crew.busy:
            self._events.breaking_off(self._crew.busy)
            self._interruption.request()
            self._drain(BREAK_OFF_SECONDS, None)
        if self._crew.busy:
            return LoopEnd.ABANDONED
        return LoopEnd.BROKEN_OFF if self._broke_off else LoopEnd.FINISHED

    def _drain(self, seconds: float, asked: int | None) -> None:
        """Wait for work to end; at most so long, and not after another request to stop."""
        deadline = self._clock.monotonic() + seconds
        while True:
            for finished in self._crew.collect():
                self._note(finished)
            left = deadline - self._clock.monotonic()
            is_asked_again = asked is not None and self._outside.signals.stops > asked
            if not self._crew.busy or left <= 0 or is_asked_again:
                return
            self._crew.wait(min(STEP_SECONDS, left))
