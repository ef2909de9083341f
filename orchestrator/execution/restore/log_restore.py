"""Every restore is in the log: who began it, and how it ended."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from orchestrator.errors import OrchestratorError
from orchestrator.execution.context import Execution
from orchestrator.execution.error_report import report_of
from orchestrator.model.backup import Backup
from orchestrator.model.run import LogAction, LogOutcome

_log = logging.getLogger(__name__)


@contextmanager
def logged_restore(
    backup: Backup, words: Mapping[str, str], execution: Execution
) -> Iterator[dict[str, str]]:
    """Log the start, and the end whatever it is; a start that cannot be logged stops the restore."""
    detail = {"backup": str(backup.id), **words}
    _log_restore(backup, LogOutcome.STARTED, detail, execution)
    try:
        yield detail
    except Exception as error:
        report = report_of(error)
        failed = {**detail, "code": report.code, "what": report.what}
        _log_quietly(backup, LogOutcome.FAILED, failed, execution)
        raise
    except BaseException:
        _log_quietly(backup, LogOutcome.INTERRUPTED, detail, execution)
        raise
    # The database has its name by now: a log that cannot be written must not call that a failure.
    _log_quietly(backup, LogOutcome.SUCCEEDED, detail, execution)


def _log_restore(
    backup: Backup, outcome: LogOutcome, detail: Mapping[str, str], execution: Execution
) -> None:
    entry = execution.log_entry(LogAction.RESTORE, str(backup.series), outcome, dict(detail))
    execution.writer.append_log(entry)


def _log_quietly(
    backup: Backup, outcome: LogOutcome, detail: Mapping[str, str], execution: Execution
) -> None:
    """Log the end of a restore; an error of the log must not hide how it ended."""
    try:
        _log_restore(backup, outcome, detail, execution)
    except OrchestratorError as error:
        _log.warning("restore_not_logged", extra={"backup": backup.id})
        _log.debug("restore_not_logged: %s", error, exc_info=error)
