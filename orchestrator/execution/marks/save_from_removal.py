"""Taking back removals that have begun, as far as there is something left to keep."""

from collections.abc import Iterator

from orchestrator.archive.layout import manifest_key
from orchestrator.errors import BackupNotFoundError, DestinationError
from orchestrator.execution.attach_destination import open_attached
from orchestrator.execution.context import Execution
from orchestrator.execution.lease.hold_lease import hold_lease
from orchestrator.model.backup import Backup, Copy, CopyState
from orchestrator.model.names import BackupId
from orchestrator.model.run import LogAction, LogOutcome


def save_from_removal(backup: Backup, execution: Execution) -> Backup:
    """Return a backup as the catalog lists it now, copies whose manifest is there as they were.

    Only if a removal has begun is the lease of the series taken, so that a backup which is being
    taken meanwhile keeps nobody waiting.

    Raises:
        BackupNotFoundError: it was removed, or so far that it can be restored from nowhere.
        SeriesLockedError: it is being removed just now, or a run is at work on the series.
        DestinationError: a place where its removal began cannot be looked at, and no other has it.
    """
    listed = _look(backup.id, execution)
    if not any(_is_going(copy) for copy in listed.copies):
        return listed
    with hold_lease(listed.series, execution.new_run_id(), execution) as held:
        listed = _look(backup.id, execution)
        for copy in _find_whole(listed, execution):
            held.check()
            detail = {
                "backup": str(backup.id),
                "destination": str(copy.destination),
                "reason": "somebody wants to hold it",
            }
            execution.writer.record_prune_taken_back(
                backup.id,
                copy.destination,
                execution.log_entry(
                    LogAction.KEEP, str(listed.series), LogOutcome.SUCCEEDED, detail
                ),
            )
        listed = _look(backup.id, execution)
    if all(_is_going(copy) for copy in listed.copies):
        raise _gone(backup.id, "its removal has begun, and its manifest is gone")
    return listed


def _look(backup: BackupId, execution: Execution) -> Backup:
    listed = execution.reader.backup(backup)
    if listed is None:
        raise _gone(backup, "it was removed in the meantime")
    return listed


def _is_going(copy: Copy) -> bool:
    return copy.state is CopyState.PRUNING


def _find_whole(backup: Backup, execution: Execution) -> Iterator[Copy]:
    """Yield the copies whose removal began and that can still be restored."""
    has_others = any(not _is_going(copy) for copy in backup.copies)
    for copy in backup.copies:
        if not _is_going(copy):
            continue
        try:
            destination = open_attached(copy.destination, execution)
            if destination.stat(manifest_key(backup.path, backup.id)) is not None:
                yield copy
        except DestinationError:
            if not has_others:
                raise


def _gone(backup: BackupId, why: str) -> BackupNotFoundError:
    return BackupNotFoundError(
        f"backup {backup} cannot be kept any more: {why}",
        next_step="`orchestrator list` shows what is there",
    )
