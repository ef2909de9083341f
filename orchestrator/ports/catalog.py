"""The program's own memory, split by what a caller may do with it.

All times are aware UTC. Every method is one short transaction: a frozen process never holds a
lock on the catalog. Errors are `CatalogError` and its subclasses.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from orchestrator.model.backup import Backup
from orchestrator.model.lease import Lease
from orchestrator.model.names import (
    BackupId,
    DestinationName,
    PolicyName,
    RunId,
    ScheduleName,
    Series,
)
from orchestrator.model.policy import Revision
from orchestrator.model.run import Actor, LogEntry, Run, RunResult
from orchestrator.model.verification import Verification


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesRecord:
    """What is fixed for a series at its first backup.

    ``path`` is its place at every destination, for ever. ``blocks_per_chunk`` maps tables
    (``schema.table``) to the power of two that aligned their chunks last time.
    """

    series: Series
    path: str
    blocks_per_chunk: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class AppliedSchedule:
    """A schedule in one form (cron text and time zone), and since when that form is in force."""

    policy: PolicyName
    schedule: ScheduleName
    cron: str
    timezone: str
    since: datetime


class CatalogReader(Protocol):
    """Reads; planning, explaining and showing get only this."""

    def backups(self, series: Series | None = None) -> Sequence[Backup]:
        """Return the backups of a series, or of all, oldest snapshot first, with their copies."""
        ...

    def backup(self, backup_id: BackupId) -> Backup | None:
        """Return one backup, or None."""
        ...

    def runs(self, series: Series | None = None, *, since: datetime | None = None) -> Sequence[Run]:
        """Return runs (every attempt), oldest first, that started at or after ``since``."""
        ...

    def leases(self) -> Sequence[Lease]:
        """Return every lease that was taken and not released."""
        ...

    def series_records(self) -> Sequence[SeriesRecord]:
        """Return every series that was ever given a path, by policy and database."""
        ...

    def destination_marker(self, name: DestinationName) -> str | None:
        """Return the uuid that this catalog remembers for a destination, or None."""
        ...

    def applied(self) -> tuple[Revision | None, Sequence[AppliedSchedule]]:
        """Return the revision applied last (None before the first), and its schedules."""
        ...

    def log(self, *, since: datetime | None = None) -> Sequence[LogEntry]:
        """Return the log, oldest first, from ``since`` on."""
        ...


class CatalogWriter(Protocol):
    """Writes what happened. Each method is idempotent: the same call again changes nothing."""

    def record_applied(
        self, revision: Revision, schedules: Sequence[AppliedSchedule], entry: LogEntry
    ) -> None:
        """Make the revision and exactly these schedules the applied ones, with a log entry.

        The log entry is written only if the revision's digest differs from the one before.
        """
        ...

    def record_destination(self, name: DestinationName, marker: str) -> None:
        """Remember the uuid of a destination's marker; a second value for a name replaces it."""
        ...

    def record_series(self, record: SeriesRecord) -> None:
        """Remember a series. Its path never changes; ``blocks_per_chunk`` entries are merged in."""
        ...

    def record_run_started(self, run: Run, entry: LogEntry) -> None:
        """Remember an attempt in state RUNNING, with a log entry."""
        ...

    def record_run_finished(
        self, run: RunId, *, result: RunResult, at: datetime, entry: LogEntry
    ) -> None:
        """Close an attempt as succeeded, failed or interrupted, with a log entry.

        A run that is closed already stays as it is, and no log entry is written.
        """
        ...

    def record_backup(self, backup: Backup, entry: LogEntry) -> None:
        """Remember a backup and its copies, in one transaction with a log entry.

        A backup that is known already is left as it is, and no log entry is written.
        """
        ...

    def record_verification(self, verification: Verification, entry: LogEntry) -> None:
        """Keep the result with the copy, with a log entry.

        A pass raises the copy's level (never lowers it) and makes it COMPLETE; damage makes it
        DAMAGED with no level, which only a pass at least as strong as what found the damage heals.
        """
        ...

    def append_log(self, entry: LogEntry) -> None:
        """Append an entry to the log; entries are never changed or removed."""
        ...


class Leases(Protocol):
    """One writer per series (design §7). All times are the caller's."""

    def acquire(
        self,
        series: Series,
        run: RunId,
        *,
        holder: Actor,
        now: datetime,
        duration: timedelta,
        taking_over: Lease | None = None,
    ) -> Lease:
        """Take the lease of a series under a fence higher than any before it.

        A lease that was never taken or was released is free. One that was not released is taken
        only from the very holder (same fence) that the caller found to be gone or past its time,
        and whose completed manifests it has adopted already: ``taking_over``. Of two callers at
        once exactly one gets it.

        Raises:
            SeriesLockedError: somebody else holds it; the message says who and until when.
        """
        ...

    def renew(self, lease: Lease, *, now: datetime, duration: timedelta) -> Lease:
        """Extend a lease that is still ours, and return it with its new end.

        Raises:
            LeaseLostError: another holder took over (its fence is higher), or it was released.
        """
        ...

    def check(self, lease: Lease, *, now: datetime) -> None:
        """Do nothing if the lease is still ours and its time has not passed.

        Called before each object that is written or removed.

        Raises:
            LeaseLostError: otherwise.
        """
        ...

    def release(self, lease: Lease) -> None:
        """Give the lease back; a lease that is no longer ours is left alone."""
        ...


class Catalog(CatalogReader, CatalogWriter, Leases, Protocol):
    """All three, as one adapter provides them; only the composition root sees this type."""
