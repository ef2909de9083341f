"""Remembering actions that failed and left no attempt that would say so."""

import logging
from collections.abc import Collection
from datetime import datetime

from orchestrator.errors import CatalogError
from orchestrator.execution.context import Execution
from orchestrator.model.actions import Action, RecoverSeries, TakeBackup
from orchestrator.model.incident import Setback
from orchestrator.model.names import Series
from orchestrator.model.outcome import Failed, Outcome
from orchestrator.model.plan import Plan, SkipKind
from orchestrator.model.run import RunState
from orchestrator.planning.explain import KINDS

_log = logging.getLogger(__name__)

_PUT_OFF = frozenset({SkipKind.LOCKED, SkipKind.BACKING_OFF, SkipKind.PAUSED})


def note_outcome(outcome: Outcome, execution: Execution, *, began: datetime) -> CatalogError | None:
    """Remember that an action failed, or forget that it did; a backup's run speaks for itself.

    Returns what kept it from being recorded, or None. Who calls has to tell of it: the catalog
    holds no trace from which anybody could see later that something failed.
    """
    try:
        _note(outcome, execution, began)
    except CatalogError as error:
        _log.warning("setback_not_recorded", extra={"code": error.code, "what": error.what})
        return error
    return None


def _note(outcome: Outcome, execution: Execution, began: datetime) -> None:
    key = key_of(outcome.action)
    if not isinstance(outcome, Failed):
        if any(setback.key == key for setback in execution.reader.setbacks()):
            execution.writer.forget_setbacks([key])
        return
    if not outcome.error.is_trouble or _has_failed_run(outcome.action, execution, began):
        return
    series, action, about = key
    execution.writer.record_setback(
        Setback(series=series, action=action, about=about, error=outcome.error, since=began)
    )


def _has_failed_run(action: Action, execution: Execution, began: datetime) -> bool:
    if not isinstance(action, TakeBackup):
        return False
    runs = execution.reader.runs(action.series, since=began)
    return any(run.state is RunState.FAILED for run in runs)


def forget_needless(plan: Plan, execution: Execution) -> None:
    """Forget setbacks of actions that a plan does not ask for any more.

    Where a series is locked, paused or backing off, nothing can be said of its actions.

    Raises:
        CatalogError: the catalog cannot be read or written.
    """
    asked = {key_of(action) for action in plan.actions}
    unknown = {skipped.series for skipped in plan.skipped if skipped.kind in _PUT_OFF}
    needless = [
        setback.key
        for setback in execution.reader.setbacks()
        if setback.key not in asked and not _is_unknown(setback, unknown)
    ]
    if needless:
        execution.writer.forget_setbacks(needless)


def _is_unknown(setback: Setback, unknown: Collection[Series]) -> bool:
    return setback.series in unknown


def key_of(action: Action) -> tuple[Series, str, str]:
    """Return by what a setback of an action is known."""
    match action:
        case RecoverSeries() | TakeBackup():
            about = ""
        case _:
            about = str(action.destination)
    return action.series, KINDS[type(action)], about
