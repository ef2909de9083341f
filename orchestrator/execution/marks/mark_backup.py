"""Holding, releasing and acknowledging a backup (design §4, §6).

A mark goes into the catalog first, where it is in force at once, and then to every destination of
the backup. Whatever could not be reached gets it when the command is run again: each of these
commands first brings every known mark of the backup to where it is missing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from orchestrator.archive.layout import manifest_key, mark_key
from orchestrator.archive.marks import encode_mark
from orchestrator.errors import (
    DamagedBackupError,
    ObjectExistsError,
    OrchestratorError,
    UsageError,
)
from orchestrator.execution.attach_destination import open_attached
from orchestrator.execution.context import Execution
from orchestrator.execution.error_report import report_of
from orchestrator.execution.marks.save_from_removal import save_from_removal
from orchestrator.model.backup import Backup
from orchestrator.model.marks import Acknowledgement, Hold, Mark, MarkId, Release
from orchestrator.model.names import DestinationName
from orchestrator.model.run import ErrorReport, LogAction, LogOutcome
from orchestrator.ports.destination import Destination


@dataclass(frozen=True, slots=True, kw_only=True)
class Marking:
    """What came of a command: the marks that it made new, and what is not at every destination.

    ``backup`` is the backup as it is marked now. ``rebuild_acknowledged`` if its series was rebuilt
    and that is acknowledged with it.
    """

    backup: Backup
    made: tuple[Mark, ...]
    written_to: tuple[DestinationName, ...]
    troubles: Mapping[DestinationName, ErrorReport]
    rebuild_acknowledged: bool = False


def hold_backup(
    backup: Backup, *, reason: str, until: datetime | None, execution: Execution
) -> Marking:
    """Keep a backup whatever the rules say, until a time or for ever.

    The same hold again, while it is in force, makes no second one. A removal that has begun is taken
    back where the manifest is still there.

    Raises:
        UsageError: no reason was given, or the time has passed.
        BackupNotFoundError: it was removed, or so far that it can be restored from nowhere.
        SeriesLockedError: it is being removed just now.
        DestinationError: nobody can see how far its removal went.
    """
    now = execution.clock.now()
    _require_reason(reason, "why the backup is held")
    if until is not None and until <= now:
        raise UsageError(
            f"a hold until {until:%Y-%m-%dT%H:%MZ} would end at once",
            next_step="give a time to come, or leave --until out: then it holds until released",
        )
    backup = save_from_removal(backup, execution)
    if any((hold.reason, hold.until) == (reason, until) for hold in backup.holds):
        return _spread(backup, (), LogAction.HOLD, execution)
    hold = Hold(id=_new_id(execution), at=now, who=_who(execution), reason=reason, until=until)
    _record(backup, (hold,), LogAction.HOLD, execution)
    # Whoever removes it looks for holds behind his tombstone: one of us sees the other.
    return _spread(save_from_removal(backup, execution), (hold,), LogAction.HOLD, execution)


def release_backup(backup: Backup, execution: Execution) -> Marking:
    """Take every hold of a backup back.

    Raises:
        UsageError: it was never held.
    """
    if not any(isinstance(mark, Hold) for mark in execution.marks.marks(backup.id)):
        raise UsageError(
            f"backup {backup.id} is not held", next_step="`orchestrator list` shows what is"
        )
    at, who = execution.clock.now(), _who(execution)
    releases = tuple(Release(hold=hold.id, at=at, who=who) for hold in backup.holds)
    return _spread(backup, releases, LogAction.RELEASE, execution)


def acknowledge_backup(backup: Backup, *, reason: str, execution: Execution) -> Marking:
    """Say that a human has looked at a suspicious backup and found it right.

    One that is acknowledged already stays as it was acknowledged first. If the series was rebuilt
    from a destination, that is acknowledged, too.

    Raises:
        UsageError: no reason was given, or there is nothing to acknowledge.
    """
    _require_reason(reason, "what you found when you looked at it")
    was_rebuilt = _acknowledge_rebuild(backup, reason, execution)
    if backup.suspicion is None and not was_rebuilt:
        raise UsageError(
            f"backup {backup.id} is not suspicious",
            next_step="`orchestrator status` shows the backups that are",
        )
    marks = (_acknowledgement(reason, execution),) if backup.is_suspicious else ()
    marking = _spread(backup, marks, LogAction.ACKNOWLEDGE, execution)
    return replace(marking, rebuild_acknowledged=was_rebuilt)


def _acknowledgement(reason: str, execution: Execution) -> Acknowledgement:
    return Acknowledgement(
        id=_new_id(execution), at=execution.clock.now(), who=_who(execution), reason=reason
    )


def _acknowledge_rebuild(backup: Backup, reason: str, execution: Execution) -> bool:
    """Let a series that was read in again be pruned again; return whether it was waiting for that."""
    if backup.series not in execution.reader.rebuilt_series():
        return False
    detail = {"backup": str(backup.id), "reason": reason, "what": "the rebuilt catalog"}
    entry = execution.log_entry(
        LogAction.ACKNOWLEDGE, str(backup.series), LogOutcome.SUCCEEDED, detail
    )
    execution.writer.acknowledge_rebuild(backup.series, entry)
    return True


def _spread(
    backup: Backup, made: Sequence[Mark], action: LogAction, execution: Execution
) -> Marking:
    _record(backup, made, action, execution)
    marks = execution.marks.marks(backup.id)
    written: list[DestinationName] = []
    troubles: dict[DestinationName, ErrorReport] = {}
    for copy in backup.copies:
        try:
            _write_missing(marks, backup, open_attached(copy.destination, execution))
        except OrchestratorError as error:
            # A place that cannot be reached must not keep the mark from the others.
            troubles[copy.destination] = report_of(error)
            _log_trouble(backup, copy.destination, error, action, execution=execution)
        else:
            written.append(copy.destination)
    return Marking(
        backup=backup.marked(marks),
        made=tuple(made),
        written_to=tuple(written),
        troubles=troubles,
    )


def _record(backup: Backup, made: Sequence[Mark], action: LogAction, execution: Execution) -> None:
    for mark in made:
        entry = execution.log_entry(
            action, str(backup.series), LogOutcome.SUCCEEDED, _detail(backup, mark)
        )
        execution.marks.record_mark(backup.id, mark, entry)


def _write_missing(marks: Sequence[Mark], backup: Backup, destination: Destination) -> None:
    """Write what is not there yet.

    Raises:
        DamagedBackupError: the backup itself is not there, or another object has a mark's key.
    """
    _refuse_gone(backup, destination)
    for mark in marks:
        key, data = mark_key(backup.path, backup.id, mark), encode_mark(mark, backup.id)
        try:
            destination.create(key, data)
        except ObjectExistsError as error:
            if destination.read(key) != data:
                raise DamagedBackupError(
                    f"{key} at {destination.name} is another mark than the catalog remembers",
                    next_step="see what happened to that object; the catalog's mark is in force",
                ) from error


def _refuse_gone(backup: Backup, destination: Destination) -> None:
    if destination.stat(manifest_key(backup.path, backup.id)) is None:
        raise DamagedBackupError(
            f"backup {backup.id} is no longer at {destination.name}: its manifest is not there",
            next_step="`orchestrator verify` says what is left of it",
        )


def _log_trouble(
    backup: Backup,
    destination: DestinationName,
    error: OrchestratorError,
    action: LogAction,
    *,
    execution: Execution,
) -> None:
    detail = {
        "backup": str(backup.id),
        "destination": str(destination),
        "code": error.code,
        "what": error.what,
    }
    entry = execution.log_entry(action, str(backup.series), LogOutcome.FAILED, detail)
    execution.writer.append_log(entry)


def _detail(backup: Backup, mark: Mark) -> dict[str, str]:
    detail = {"backup": str(backup.id), "mark": mark.name}
    match mark:
        case Acknowledgement():
            detail["reason"] = mark.reason
        case Hold():
            detail["reason"] = mark.reason
            detail["until"] = "released" if mark.until is None else mark.until.isoformat()
        case _:
            pass
    return detail


def _require_reason(reason: str, what: str) -> None:
    if not reason.strip():
        raise UsageError("the reason is empty", next_step=f"say {what}: others will read it")


def _new_id(execution: Execution) -> MarkId:
    return MarkId(execution.new_run_id())


def _who(execution: Execution) -> str:
    actor = execution.machine.whoami()
    return f"{actor.user}@{actor.host}"
