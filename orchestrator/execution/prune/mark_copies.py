"""Marking expired copies, and taking marks back: what costs nothing and can be undone."""

from collections.abc import Collection

from orchestrator.execution.context import Execution
from orchestrator.execution.lease.hold_lease import hold_lease
from orchestrator.execution.prune.look import look_again
from orchestrator.model.actions import KeepAgain, MarkExpired
from orchestrator.model.names import BackupId
from orchestrator.model.outcome import NotNeeded, Succeeded
from orchestrator.model.run import LogAction, LogEntry, LogOutcome
from orchestrator.planning.upkeep.view import decide_place

SHOWN = 20


def mark_expired(action: MarkExpired, execution: Execution) -> Succeeded | NotNeeded:
    """Mark those of the copies that still no rule keeps, decided anew under the lease.

    Raises:
        SeriesLockedError: another run is at work on the series.
    """
    with hold_lease(action.series, execution.new_run_id(), execution) as held:
        view = look_again(action.series, execution)
        decision = decide_place(view, action.destination, allowed=0)
        new = {
            backup: mark
            for backup, mark in decision.pruning.marks.items()
            if backup not in decision.marks and backup in action.backups
        }
        held.check()
        for beyond in (False, True):
            marked = sorted(b for b, mark in new.items() if mark.beyond_normal_ageing is beyond)
            if marked:
                execution.writer.record_expired(
                    action.destination,
                    marked,
                    at=view.now,
                    beyond_normal_ageing=beyond,
                    entry=_entry(LogAction.EXPIRED, action, marked, execution),
                )
    if not new:
        return NotNeeded(action=action, summary="nothing of it is expired any more")
    summary = f"marked as expired at {action.destination}: {_list(new)}"
    return Succeeded(action=action, summary=summary)


def keep_again(action: KeepAgain, execution: Execution) -> Succeeded:
    """Take the marks of copies back that a rule keeps again.

    Raises:
        SeriesLockedError: another run is at work on the series.
    """
    with hold_lease(action.series, execution.new_run_id(), execution) as held:
        held.check()
        execution.writer.record_kept_again(
            action.destination,
            action.backups,
            _entry(LogAction.KEEP, action, action.backups, execution),
        )
    summary = f"kept again at {action.destination}: {_list(action.backups)}"
    return Succeeded(action=action, summary=summary)


def _entry(
    about: LogAction,
    action: MarkExpired | KeepAgain,
    backups: Collection[BackupId],
    execution: Execution,
) -> LogEntry:
    detail = {
        "destination": str(action.destination),
        "backups": _list(backups),
        "reason": action.reason,
    }
    return execution.log_entry(about, str(action.series), LogOutcome.SUCCEEDED, detail)


def _list(backups: Collection[BackupId]) -> str:
    shown = sorted(backups)[:SHOWN]
    more = len(backups) - len(shown)
    return ", ".join(shown) + (f", and {more} more" if more else "")
