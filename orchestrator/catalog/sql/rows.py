"""Rows become values of the model here, and values become rows; nothing else sees both."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, Table, and_, tuple_

from orchestrator.catalog.sql.columns import require_utc
from orchestrator.model.backup import Backup, Copy, RunReason, Slot
from orchestrator.model.lease import Lease
from orchestrator.model.marks import Acknowledgement, Hold, Mark, MarkKind, Release, Suspicion
from orchestrator.model.names import BackupId, ScheduleName, Series
from orchestrator.model.run import Actor, ErrorReport, LogEntry, Run, RunResult
from orchestrator.model.timeline import Pause
from orchestrator.model.verification import Level
from orchestrator.ports.catalog import AppliedSchedule, SeriesRecord

Row = Mapping[str, Any]
"""One row by column name, as it is written."""

FoundRow = RowMapping | Row
"""One row by column name, as it was read."""


# ------------------------------------------------------------------ values to rows
def row_of_lease(lease: Lease) -> Row:
    """Given a lease that was just taken, return its row."""
    return {
        "policy": lease.series.policy,
        "database": lease.series.database,
        "run": lease.run,
        "holder": _json_of_actor(lease.holder),
        "fence": lease.fence,
        "expires_at": lease.expires_at,
        "released": False,
    }


def row_of_run(run: Run) -> Row:
    """Given an attempt, return its row."""
    return {
        "id": run.id,
        "policy": run.series.policy,
        "database": run.series.database,
        **_columns_of_reason(run.reason),
        "started_at": run.started_at,
        "actor": _json_of_actor(run.actor),
        "fence": run.fence,
        "revision": run.revision,
        **columns_of_result(
            RunResult(
                state=run.state,
                backup=run.backup,
                error=run.error,
                server_ahead=run.server_ahead,
            ),
            run.finished_at,
        ),
    }


def columns_of_result(result: RunResult, finished_at: datetime | None) -> Row:
    """Given how and when an attempt ended, return the columns that say so."""
    error = result.error
    return {
        "state": result.state,
        "finished_at": finished_at,
        "backup": result.backup,
        "error_code": error.code if error else None,
        "error_what": error.what if error else None,
        "error_next_step": error.next_step if error else None,
        "server_ahead": result.server_ahead,
    }


def row_of_backup(backup: Backup) -> Row:
    """Given a backup, return its row, without its copies."""
    return {
        "id": backup.id,
        "policy": backup.series.policy,
        "database": backup.series.database,
        **_columns_of_reason(backup.reason),
        **{name: getattr(backup, name) for name in _PLAIN_BACKUP_COLUMNS},
    }


def rows_of_copies(backup: Backup) -> Sequence[Row]:
    """Given a backup, return one row per copy."""
    return [
        {
            "backup": backup.id,
            "policy": backup.series.policy,
            "database": backup.series.database,
            "destination": copy.destination,
            "position": position,
            **columns_of_copy(copy),
            **prune_columns_of_copy(copy),
        }
        for position, copy in enumerate(backup.copies)
    ]


def columns_of_copy(copy: Copy) -> Row:
    """Given a copy, return the columns that a verification may change."""
    return {
        "state": copy.state,
        "level": None if copy.level is None else int(copy.level),
        "verified_at": copy.verified_at,
        "damage_level": None if copy.damage_level is None else int(copy.damage_level),
        "trouble": copy.trouble,
    }


def prune_columns_of_copy(copy: Copy) -> Row:
    """Given a copy, return the columns that pruning may change, besides its state."""
    return {
        "expired_at": copy.expired_at,
        "beyond_normal_ageing": copy.beyond_normal_ageing,
        "prune_refused_at": copy.prune_refused_at,
    }


def row_of_pause(pause: Pause) -> Row:
    """Given a pause, return its row."""
    return {
        "policy": pause.policy,
        "since": pause.since,
        "until": pause.until,
        "actor": _json_of_actor(pause.by),
    }


def row_of_mark(backup: BackupId, series: Series, mark: Mark) -> Row:
    """Given a mark of a backup of a series, return its row."""
    empty: Row = {"id": None, "who": None, "reasons": [], "until": None}
    return {
        **empty,
        "backup": backup,
        "policy": series.policy,
        "database": series.database,
        "name": mark.name,
        "at": mark.at,
        **_columns_of_mark(mark),
    }


def row_of_log_entry(entry: LogEntry) -> Row:
    """Given a log entry, return its row; equal entries have equal ``identity``."""
    return {
        "identity": log_identity(entry),
        "at": entry.at,
        "actor": _json_of_actor(entry.actor),
        "action": entry.action,
        "subject": entry.subject,
        "outcome": entry.outcome,
        "detail": dict(entry.detail),
    }


def log_identity(entry: LogEntry) -> str:
    """Given a log entry, return a digest of all that it says.

    Raises:
        ValueError: its time is naive.
    """
    said = [
        require_utc(entry.at).isoformat(),
        _json_of_actor(entry.actor),
        entry.action.value,
        entry.subject,
        entry.outcome.value,
        dict(entry.detail),
    ]
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


# ------------------------------------------------------------------ rows to values
def lease_of(row: FoundRow) -> Lease:
    """Given a row of ``leases``, return the lease."""
    return Lease(
        series=series_of(row),
        run=row["run"],
        holder=Actor(**row["holder"]),
        fence=row["fence"],
        expires_at=row["expires_at"],
    )


def run_of(row: FoundRow) -> Run:
    """Given a row of ``runs``, return the attempt."""
    return Run(
        id=row["id"],
        series=series_of(row),
        reason=_reason_of(row),
        state=row["state"],
        started_at=row["started_at"],
        actor=Actor(**row["actor"]),
        fence=row["fence"],
        revision=row["revision"],
        finished_at=row["finished_at"],
        backup=row["backup"],
        error=_error_of(row),
        server_ahead=row["server_ahead"],
    )


def backup_of(row: FoundRow, copies: Sequence[Copy]) -> Backup:
    """Given a row of ``backups`` and its copies in order, return the backup."""
    return Backup(
        id=row["id"],
        series=series_of(row),
        path=row["path"],
        run=row["run"],
        snapshot_at=row["snapshot_at"],
        finished_at=row["finished_at"],
        reason=_reason_of(row),
        sequence=row["sequence"],
        fence=row["fence"],
        revision=row["revision"],
        git_commit=row["git_commit"],
        manifest_digest=row["manifest_digest"],
        tables=row["tables"],
        rows=row["rows"],
        text_bytes=row["text_bytes"],
        stored_bytes=row["stored_bytes"],
        new_bytes=row["new_bytes"],
        copies=tuple(copies),
    )


def copy_of(row: FoundRow) -> Copy:
    """Given a row of ``copies``, return the copy."""
    return Copy(
        destination=row["destination"],
        state=row["state"],
        level=None if row["level"] is None else Level(row["level"]),
        verified_at=row["verified_at"],
        damage_level=None if row["damage_level"] is None else Level(row["damage_level"]),
        trouble=row["trouble"],
        expired_at=row["expired_at"],
        beyond_normal_ageing=row["beyond_normal_ageing"],
        prune_refused_at=row["prune_refused_at"],
    )


def mark_of(row: FoundRow) -> Mark:
    """Given a row of ``marks``, return the mark."""
    at, who = row["at"], row["who"]
    match row["kind"]:
        case MarkKind.SUSPICION:
            return Suspicion(at=at, reasons=tuple(row["reasons"]))
        case MarkKind.ACKNOWLEDGEMENT:
            return Acknowledgement(id=row["id"], at=at, who=who, reason=row["reasons"][0])
        case MarkKind.HOLD:
            return Hold(id=row["id"], at=at, who=who, reason=row["reasons"][0], until=row["until"])
        case _:
            return Release(hold=row["id"], at=at, who=who)


def series_of(row: FoundRow) -> Series:
    """Given a row of any table that belongs to a series, return which."""
    return Series(row["policy"], row["database"])


def belongs_to(table: Table, series: Sequence[Series]) -> ColumnElement[bool]:
    """Return the condition that a row belongs to one of these series."""
    policy, database = table.c.policy, table.c.database
    if len(series) == 1:
        return and_(policy == series[0].policy, database == series[0].database)
    # SQLite looks into an index for one column in a list, but not for a pair of them.
    return and_(
        policy.in_({one.policy for one in series}),
        tuple_(policy, database).in_([(one.policy, one.database) for one in series]),
    )


def series_record_of(row: FoundRow) -> SeriesRecord:
    """Given a row of ``series``, return the record."""
    return SeriesRecord(
        series=series_of(row), path=row["path"], blocks_per_chunk=row["blocks_per_chunk"]
    )


def schedule_of(row: FoundRow) -> AppliedSchedule:
    """Given a row of ``applied_schedules``, return the schedule."""
    return AppliedSchedule(
        policy=row["policy"],
        schedule=row["schedule"],
        cron=row["cron"],
        timezone=row["timezone"],
        since=row["since"],
    )


def pause_of(row: FoundRow) -> Pause:
    """Given a row of ``pauses``, return the pause."""
    return Pause(
        policy=row["policy"], since=row["since"], until=row["until"], by=Actor(**row["actor"])
    )


def log_entry_of(row: FoundRow) -> LogEntry:
    """Given a row of ``log``, return the entry."""
    return LogEntry(
        at=row["at"],
        actor=Actor(**row["actor"]),
        action=row["action"],
        subject=row["subject"],
        outcome=row["outcome"],
        detail=row["detail"],
    )


# ------------------------------------------------------------------ parts
_PLAIN_BACKUP_COLUMNS = (
    "path",
    "run",
    "snapshot_at",
    "finished_at",
    "sequence",
    "fence",
    "revision",
    "git_commit",
    "manifest_digest",
    "tables",
    "rows",
    "text_bytes",
    "stored_bytes",
    "new_bytes",
)


def _columns_of_reason(reason: RunReason) -> Row:
    slots = [
        {"schedule": slot.schedule, "at": require_utc(slot.at).isoformat()} for slot in reason.slots
    ]
    return {"trigger": reason.trigger, "slots": slots}


def _reason_of(row: FoundRow) -> RunReason:
    return RunReason(
        trigger=row["trigger"],
        slots=tuple(
            Slot(datetime.fromisoformat(slot["at"]), ScheduleName(slot["schedule"]))
            for slot in row["slots"]
        ),
    )


def _columns_of_mark(mark: Mark) -> Row:
    match mark:
        case Suspicion():
            return {"kind": MarkKind.SUSPICION, "reasons": list(mark.reasons)}
        case Acknowledgement():
            return {
                "kind": MarkKind.ACKNOWLEDGEMENT,
                "id": mark.id,
                "who": mark.who,
                "reasons": [mark.reason],
            }
        case Hold():
            return {
                "kind": MarkKind.HOLD,
                "id": mark.id,
                "who": mark.who,
                "reasons": [mark.reason],
                "until": mark.until,
            }
        case Release():
            return {"kind": MarkKind.RELEASE, "id": mark.hold, "who": mark.who}


def _error_of(row: FoundRow) -> ErrorReport | None:
    if row["error_code"] is None:
        return None
    return ErrorReport(
        code=row["error_code"], what=row["error_what"], next_step=row["error_next_step"]
    )


def _json_of_actor(actor: Actor) -> Row:
    return {
        "user": actor.user,
        "host": actor.host,
        "process": actor.process,
        "process_started": actor.process_started,
        "boot_id": actor.boot_id,
    }
