"""The one place where an action becomes an outcome."""

import logging

from orchestrator.execution.backup.take_backup import take_backup
from orchestrator.execution.context import Execution
from orchestrator.execution.error_report import kind_of, report_of
from orchestrator.execution.lease.recover_series import recover_series
from orchestrator.execution.prune.collect_chunks import collect_chunks
from orchestrator.execution.prune.mark_copies import keep_again, mark_expired
from orchestrator.execution.prune.prune_copy import prune_copy
from orchestrator.execution.verification.verify_copy import verify_planned_copy
from orchestrator.model.actions import (
    Action,
    CollectChunks,
    KeepAgain,
    MarkExpired,
    PruneCopy,
    RecoverSeries,
    TakeBackup,
    Upkeep,
    VerifyCopy,
)
from orchestrator.model.outcome import Failed, Outcome

_log = logging.getLogger(__name__)


def execute(action: Action, execution: Execution) -> Outcome:
    """Do one action, and return what came of it.

    Every error becomes a `Failed`; one that does not explain itself is a defect of ours, reported
    as UnexpectedError, its traceback logged at debug level. KeyboardInterrupt and SystemExit go
    through, after the run was closed as interrupted.
    """
    try:
        return _dispatch(action, execution)
    except Exception as error:  # noqa: BLE001 - the border where errors become data
        _log.debug("action_failed", extra={"action": type(action).__name__}, exc_info=error)
        return Failed(action=action, error=report_of(error), kind=kind_of(error))


def _dispatch(action: Action, execution: Execution) -> Outcome:
    match action:
        case RecoverSeries():
            return recover_series(action, execution)
        case TakeBackup():
            return take_backup(action, execution)
        case VerifyCopy():
            return verify_planned_copy(action, execution)
        case MarkExpired() | KeepAgain() | PruneCopy() | CollectChunks():
            return _tidy_up(action, execution)


def _tidy_up(action: Upkeep, execution: Execution) -> Outcome:
    match action:
        case MarkExpired():
            return mark_expired(action, execution)
        case KeepAgain():
            return keep_again(action, execution)
        case PruneCopy():
            return prune_copy(action, execution)
        case CollectChunks():
            return collect_chunks(action, execution)
