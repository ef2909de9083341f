"""Removing one copy in the order that no crash can turn into a lie (design §6, "Prune order").

Tombstone in the catalog → manifest → the backup's own objects → the catalog says gone. Chunks stay:
other backups may name them, and collection finds those that nothing names. Whether an object is
gone is seen, not believed: a place may answer that it removed what it keeps (fault F56).
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from orchestrator.archive.layout import backup_prefix, manifest_key
from orchestrator.errors import DestinationPermissionError, ObjectKeptError, PruneRefusedError
from orchestrator.execution.context import Execution
from orchestrator.model.backup import Backup, Copy, CopyState
from orchestrator.model.names import ObjectKey
from orchestrator.model.pruning import Tombstone
from orchestrator.model.run import LogAction, LogEntry, LogOutcome
from orchestrator.ports.destination import Destination


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """A copy that shall go, from where, and why; ``check`` is called before each object."""

    backup: Backup
    copy: Copy
    destination: Destination
    reason: str
    about: LogAction
    check: Callable[[], None]

    @property
    def has_begun(self) -> bool:
        """Whether the copy had a tombstone already."""
        return self.copy.state is CopyState.PRUNING

    @property
    def is_half_gone(self) -> bool:
        """Whether the removal went so far that the copy is none any more: it can only be finished.

        Raises:
            DestinationError: the destination cannot be reached.
        """
        return self.has_begun and not self.is_whole

    @property
    def is_whole(self) -> bool:
        """Whether the manifest, which goes first, is there."""
        key = manifest_key(self.backup.path, self.backup.id)
        return self.destination.stat(key) is not None


def remove_copy(removal: Removal, execution: Execution) -> None:
    """Remove a copy, or finish its removal; until that is confirmed the catalog lists it.

    Raises:
        PruneRefusedError: somebody held the backup just now; its tombstone was taken back.
        ObjectKeptError: the destination does not let go of an object; the catalog knows.
        LeaseLostError: before anything more is removed.
        DestinationError: the destination cannot be reached; the next pass goes on.
    """
    backup, destination = removal.backup, removal.destination
    execution.writer.record_prune_started(
        backup.id, destination.name, _entry(removal, LogOutcome.STARTED, execution)
    )
    _refuse_held(removal, execution)
    with _refusal_recorded(removal, execution, is_whole=True):
        remove_object(manifest_key(backup.path, backup.id), destination, removal.check)
    with _refusal_recorded(removal, execution, is_whole=False):
        for info in list(destination.list(backup_prefix(backup.path, backup.id))):
            remove_object(info.key, destination, removal.check)
    removal.check()
    stone = Tombstone(
        series=backup.series,
        backup=backup.id,
        destination=destination.name,
        snapshot_at=backup.snapshot_at,
        expired_at=removal.copy.expired_at,
        beyond_normal_ageing=removal.copy.beyond_normal_ageing,
        reason=removal.reason,
        pruned_at=execution.clock.now(),
    )
    execution.writer.record_pruned(stone, _entry(removal, LogOutcome.SUCCEEDED, execution))


def take_back(removal: Removal, why: str, execution: Execution) -> None:
    """Make a copy what it was before its removal began, if it is whole; else do nothing.

    Raises:
        DestinationError: the destination cannot be reached.
    """
    if not removal.is_whole:
        return
    entry = _entry(
        replace(removal, reason=why, about=LogAction.KEEP), LogOutcome.SUCCEEDED, execution
    )
    execution.writer.record_prune_taken_back(removal.backup.id, removal.destination.name, entry)


def _refuse_held(removal: Removal, execution: Execution) -> None:
    """Look at the holds once more, behind the tombstone.

    Whoever holds a backup records that first and looks for tombstones then: one of us sees the other.
    """
    backup = execution.reader.backup(removal.backup.id)
    if backup is not None and backup.is_held(execution.clock.now()) and removal.is_whole:
        what = f"backup {backup.id} is held"
        take_back(removal, what, execution)
        raise PruneRefusedError(
            what, next_step=f"`orchestrator release {backup.id}` takes the hold back"
        )


def remove_object(key: ObjectKey, destination: Destination, check: Callable[[], None]) -> None:
    """Remove an object, and look whether it is gone.

    Raises:
        ObjectKeptError: it may not be removed, or is still there.
    """
    check()
    try:
        destination.remove(key)
    except DestinationPermissionError as error:
        raise _kept(key, destination, f": {error.what}") from error
    if destination.stat(key) is not None:
        raise _kept(key, destination, ", although it said that it removed it")


def _kept(key: ObjectKey, destination: Destination, how: str) -> ObjectKeptError:
    return ObjectKeptError(
        f"destination {destination.name!r} keeps {key}{how}",
        next_step="see who locked it there; the removal is tried again once a day",
    )


@contextmanager
def _refusal_recorded(removal: Removal, execution: Execution, *, is_whole: bool) -> Iterator[None]:
    try:
        yield
    except ObjectKeptError as error:
        execution.writer.record_prune_refused(
            removal.backup.id,
            removal.destination.name,
            at=execution.clock.now(),
            is_whole=is_whole,
            entry=_entry(removal, LogOutcome.FAILED, execution, error),
        )
        raise


def _entry(
    removal: Removal,
    outcome: LogOutcome,
    execution: Execution,
    error: ObjectKeptError | None = None,
) -> LogEntry:
    detail = {
        "backup": str(removal.backup.id),
        "destination": str(removal.destination.name),
        "reason": removal.reason,
    }
    if error is not None:
        detail |= {"code": error.code, "what": error.what}
    return execution.log_entry(removal.about, str(removal.backup.series), outcome, detail)
