"""What a loop says while it runs: one log line per event, a constant name and fields."""

import logging
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from typing_extensions import override

from orchestrator.execution.error_report import report_of
from orchestrator.model.actions import (
    Action,
    CollectChunks,
    KeepAgain,
    MarkExpired,
    PruneCopy,
    RecoverSeries,
    TakeBackup,
    VerifyCopy,
)
from orchestrator.model.alert import Delivery, DeliveryState
from orchestrator.model.names import Series
from orchestrator.model.outcome import Failed, NotNeeded, Succeeded
from orchestrator.model.plan import Plan
from orchestrator.model.policy import DesiredState
from orchestrator.planning.phrases import say_time
from orchestrator.reconciler.carry_out import Done, Watcher

MOST_PROBLEMS = 20
"""So many problems of policy files are logged; a file of garbage has thousands."""

_log = logging.getLogger(__name__)


class Events(Watcher):
    """Logs what happens; a wait that was announced already is not announced again."""

    def __init__(self) -> None:
        self._announced: datetime | None = None

    # -------------------------------------------------------------- the loop
    def started(self, desired: DesiredState) -> None:
        """The loop begins."""
        _info("loop_started", revision=desired.revision.digest, policies=len(desired.policies))

    def waiting(self, until: datetime | None) -> None:
        """Nothing is to be done before that time; None: nothing comes by itself."""
        if until != self._announced:
            self._announced = until
            _info("waiting", until="a change" if until is None else say_time(until))

    def clock_jumped(self, by: timedelta) -> None:
        """The wall clock moved against the monotonic one: it was set, or the machine slept."""
        _warn("clock_jumped", seconds=round(by.total_seconds()))

    def pass_failed(self, error: BaseException, *, again_in: float) -> None:
        """A pass could not be made; the next one is tried later."""
        report = report_of(error)
        _warn("pass_failed", code=report.code, what=report.what, again_in_seconds=round(again_in))
        _log.debug("pass_failed: %s", error, exc_info=error)

    def stopping(self, busy: Collection[Series], *, grace: timedelta) -> None:
        """Somebody asked to stop; what is under way has so long to end."""
        at_work = ", ".join(map(str, sorted(busy))) or "nothing"
        _info("stopping", under_way=at_work, grace_seconds=round(grace.total_seconds()))

    def breaking_off(self, busy: Collection[Series]) -> None:
        """What is still under way is broken off now."""
        _warn("breaking_off", under_way=", ".join(map(str, sorted(busy))))

    def stopped(self, how: str) -> None:
        """The loop has ended."""
        _info("loop_stopped", how=how)

    # -------------------------------------------------------------- policies and slots
    def policies_changed(self, desired: DesiredState) -> None:
        """A new revision is in force."""
        commit = desired.revision.git_commit or "none"
        _info("policies_changed", revision=desired.revision.digest, git_commit=commit)

    def policies_invalid(self, problems: Sequence[str], in_force: DesiredState) -> None:
        """The files are invalid; the revision before stays in force."""
        kept = in_force.revision.digest
        _warn("policies_invalid", problems=len(problems), kept_revision=kept)
        for problem in problems[:MOST_PROBLEMS]:
            _warn("policy_problem", problem=problem)

    def policies_mended(self) -> None:
        """The files are valid again, and what they were before."""
        _info("policies_mended")

    def planned(self, plan: Plan) -> None:
        """A plan was made: say what it found to be missed."""
        for missed in plan.missed:
            _warn(
                "slots_missed",
                series=missed.series,
                schedule=missed.schedule,
                slots=missed.count,
                first=say_time(missed.first),
                last=say_time(missed.last),
            )

    # -------------------------------------------------------------- actions
    @override
    def began(self, action: Action) -> None:
        _info(f"{_name(action)}_started", series=action.series, because=action.reason)

    @override
    def ended(self, done: Done) -> None:
        name, outcome = _name(done.action), done.outcome
        match outcome:
            case Succeeded():
                _info(f"{name}_succeeded", series=done.action.series, summary=outcome.summary)
                for warning in outcome.warnings:
                    _warn(f"{name}_warning", series=done.action.series, warning=warning)
            case NotNeeded():
                _info(f"{name}_not_needed", series=done.action.series, summary=outcome.summary)
            case Failed():
                self._failed(name, outcome)

    # -------------------------------------------------------------- alerts
    def delivered(self, delivery: Delivery) -> None:
        """A channel took an alert, or did not."""
        sent = delivery.state is DeliveryState.SENT
        say = _info if sent else _warn
        event = "alert_sent" if sent else "alert_not_sent"
        say(event, channel=delivery.channel, answer=delivery.answer)

    def _failed(self, name: str, failed: Failed) -> None:
        error = failed.error
        level = logging.ERROR if error.is_trouble else logging.WARNING
        _say(
            level,
            f"{name}_failed",
            series=failed.action.series,
            code=error.code,
            what=error.what,
            next_step=error.next_step,
        )


def _name(action: Action) -> str:
    match action:
        case TakeBackup():
            return "backup"
        case VerifyCopy():
            return "verification"
        case RecoverSeries():
            return "recovery"
        case MarkExpired() | KeepAgain():
            return "mark"
        case PruneCopy():
            return "prune"
        case CollectChunks():
            return "collection"


def _info(event: str, **fields: object) -> None:
    _say(logging.INFO, event, **fields)


def _warn(event: str, **fields: object) -> None:
    _say(logging.WARNING, event, **fields)


def _say(level: int, event: str, /, **fields: object) -> None:
    _log.log(level, event, extra=fields)
