"""Keeping account of one attempt: opened before anything is done, closed whatever comes of it."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from orchestrator.errors import InterruptedRunError
from orchestrator.execution.context import Execution
from orchestrator.execution.error_report import report_of
from orchestrator.execution.lease.adopt_backups import FoundManifest
from orchestrator.execution.lease.hold_lease import HeldLease
from orchestrator.model.actions import TakeBackup
from orchestrator.model.names import BackupId
from orchestrator.model.run import (
    ErrorReport,
    LogAction,
    LogOutcome,
    Run,
    RunResult,
    RunState,
)

_log = logging.getLogger(__name__)

_LOG_OUTCOMES = {
    RunState.SUCCEEDED: LogOutcome.SUCCEEDED,
    RunState.FAILED: LogOutcome.FAILED,
    RunState.INTERRUPTED: LogOutcome.INTERRUPTED,
}


@dataclass(slots=True, kw_only=True)
class Attempt:
    """A run under way. ``published`` is set as soon as the catalog lists its backup.

    ``server_ahead`` is set as soon as the database's clock was asked, ``newer`` if another catalog
    went on with the series: the newest backup at any of its places then.
    """

    run: Run
    action: TakeBackup
    held: HeldLease
    execution: Execution
    published: BackupId | None = None
    server_ahead: timedelta | None = None
    newer: FoundManifest | None = None


@contextmanager
def recorded_run(action: TakeBackup, held: HeldLease, execution: Execution) -> Iterator[Attempt]:
    """Record an attempt as started, and close it by how the block ends.

    A run that cannot be closed keeps its lease until it runs out: whoever takes the series over
    closes it then. An error while closing never hides the error that ended the block.
    """
    attempt = _start(action, held, execution)
    try:
        yield attempt
    except Exception as error:
        state = RunState.INTERRUPTED if isinstance(error, InterruptedRunError) else RunState.FAILED
        _close_after_error(attempt, state, report_of(error))
        raise
    except BaseException:
        interrupted = InterruptedRunError(
            "the run was interrupted", next_step="run `orchestrator apply`; it goes on safely"
        )
        _close_after_error(attempt, RunState.INTERRUPTED, report_of(interrupted))
        raise
    _close(attempt, RunState.SUCCEEDED)


def _start(action: TakeBackup, held: HeldLease, execution: Execution) -> Attempt:
    lease = held.lease
    run = Run(
        id=lease.run,
        series=action.series,
        reason=action.run_reason,
        state=RunState.RUNNING,
        started_at=execution.clock.now(),
        actor=lease.holder,
        fence=lease.fence,
        revision=execution.desired.revision.digest,
    )
    execution.writer.record_run_started(
        run,
        execution.log_entry(
            LogAction.BACKUP,
            str(action.series),
            LogOutcome.STARTED,
            {"run": run.id, "reason": action.reason},
        ),
    )
    return Attempt(run=run, action=action, held=held, execution=execution)


def _close_after_error(attempt: Attempt, state: RunState, error: ErrorReport) -> None:
    try:
        _close(attempt, state, error)
    except Exception as second:  # noqa: BLE001 - the error that ended the run is the one that counts
        _log.warning("run_not_closed", extra={"run": attempt.run.id})
        _log.debug("run_not_closed: %s", second, exc_info=second)


def _close(attempt: Attempt, state: RunState, error: ErrorReport | None = None) -> None:
    execution = attempt.execution
    try:
        execution.writer.record_run_finished(
            attempt.run.id,
            result=RunResult(
                state=state,
                backup=attempt.published,
                error=error,
                server_ahead=attempt.server_ahead,
            ),
            at=execution.clock.now(),
            entry=execution.log_entry(
                LogAction.BACKUP,
                str(attempt.run.series),
                _LOG_OUTCOMES[state],
                _detail(attempt, error),
            ),
        )
    except Exception:
        attempt.held.abandon()
        raise


def _detail(attempt: Attempt, error: ErrorReport | None) -> Mapping[str, str]:
    detail = {"run": str(attempt.run.id)}
    if attempt.published is not None:
        detail["backup"] = attempt.published
    if error is not None:
        detail |= {"code": error.code, "what": error.what}
    return detail
