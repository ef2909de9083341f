"""The program's own memory, split by what a caller may do with it.

All times are aware UTC. Every method is one short transaction: a frozen process never holds a
lock on the catalog. Errors are `CatalogError` and its subclasses.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from orchestrator.model.backup import Backup
from orchestrator.model.lease import Lease
from orchestrator.model.marks import Mark
from orchestrator.model.names import (
    BackupId,
    DestinationName,
    ObjectKey,
    PolicyName,
    RunId,
    ScheduleName,
    Series,
)
from orchestrator.model.policy import Revision
from orchestrator.model.pruning import CollectionState, Tombstone
from orchestrator.model.run import Actor, LogEntry, Run, RunResult
from orchestrator.model.timeline import MissedSlots, Pause
from orchestrator.model.verification import Verification
from orchestrator.ports.applied import AppliedPolicy, AppliedReader, AppliedWriter
from orchestrator.ports.history import HistoryReader
from orchestrator.ports.outbox import OutboxReader, OutboxWriter
from orchestrator.ports.space import SpaceReader, SpaceWriter


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


class TimelineReader(Protocol):
    """Reads what interrupts the timelines of series."""

    def pauses(self) -> Sequence[Pause]:
        """Return the pause of every policy that was not resumed, by policy, ended ones included."""
        ...

    def missed_until(self) -> Mapping[tuple[Series, ScheduleName], datetime]:
        """Return the last slot recorded as missed, of each schedule that ever missed one."""
        ...


class TimelineWriter(Protocol):
    """Writes what interrupts the timelines of series."""

    def record_pause(self, pause: Pause, entry: LogEntry) -> None:
        """Pause a policy, with a log entry; a pause that it has already is replaced.

        The very same pause again changes nothing.
        """
        ...

    def record_resumed(self, policy: PolicyName, entry: LogEntry) -> bool:
        """Forget the pause of a policy, with a log entry, and tell whether there was one."""
        ...

    def record_missed(self, missed: MissedSlots, entry: LogEntry) -> bool:
        """Remember that slots were missed up to ``missed.last``, with a log entry.

        Returns whether it did: nothing happens unless ``missed.counted_from`` is what is
        remembered now, because then somebody else recorded them, or some of them.
        """
        ...


class PruneReader(Protocol):
    """Reads what was pruned, and what is known of objects that nothing names."""

    def tombstones(self, *, since: datetime) -> Mapping[Series, Sequence[Tombstone]]:
        """Return the copies that were pruned at ``since`` or later, by series, in that order."""
        ...

    def collections(self) -> Mapping[tuple[Series, DestinationName], CollectionState]:
        """Return how far every collection is that was ever begun."""
        ...

    def unreferenced(
        self, series: Series, destination: DestinationName
    ) -> Mapping[ObjectKey, datetime]:
        """Return when each object of a series at a destination was first seen unreferenced."""
        ...


class PruneWriter(Protocol):
    """Writes what becomes of copies that no rule keeps, and of objects that nothing names.

    A copy that the catalog does not list is left out without an error: somebody pruned it before.
    A log entry is written only where something changes.
    """

    def record_expired(
        self,
        destination: DestinationName,
        backups: Collection[BackupId],
        *,
        at: datetime,
        beyond_normal_ageing: bool,
        entry: LogEntry,
    ) -> None:
        """Mark copies as expired; one that is marked already keeps its mark."""
        ...

    def record_kept_again(
        self, destination: DestinationName, backups: Collection[BackupId], entry: LogEntry
    ) -> None:
        """Take the marks of expired copies back."""
        ...

    def record_prune_started(
        self, backup: BackupId, destination: DestinationName, entry: LogEntry
    ) -> None:
        """Make a copy PRUNING before the first of its objects goes."""
        ...

    def record_prune_taken_back(
        self, backup: BackupId, destination: DestinationName, entry: LogEntry
    ) -> None:
        """Make a PRUNING copy what it was before: its manifest is there, and it shall stay after all.

        A mark as expired stays.
        """
        ...

    def record_prune_refused(
        self,
        backup: BackupId,
        destination: DestinationName,
        *,
        at: datetime,
        is_whole: bool,
        entry: LogEntry,
    ) -> None:
        """Remember that the destination did not let go of a PRUNING copy.

        One that ``is_whole`` (its manifest is there) is what it was before its pruning began.
        """
        ...

    def record_pruned(self, stone: Tombstone, entry: LogEntry) -> None:
        """Forget a copy that is gone, and with the last one its backup; keep the tombstone."""
        ...

    def record_unreferenced(
        self,
        series: Series,
        destination: DestinationName,
        keys: Collection[ObjectKey],
        *,
        at: datetime,
    ) -> None:
        """Make these the unreferenced objects; those that were known keep their first time."""
        ...

    def record_collection(
        self,
        series: Series,
        destination: DestinationName,
        *,
        at: datetime,
        removed: Collection[ObjectKey],
        entry: LogEntry,
    ) -> None:
        """Remember that everything was looked at, and forget the objects that were removed.

        The log entry is written only if any was.
        """
        ...


class CatalogReader(
    TimelineReader, PruneReader, HistoryReader, AppliedReader, OutboxReader, SpaceReader, Protocol
):
    """Reads; planning, explaining and showing get only this."""

    def backups(self, series: Series | None = None) -> Sequence[Backup]:
        """Return the backups of a series, or of all, oldest snapshot first.

        Each with its copies, and as its marks say. One whose last copy was pruned is not listed.
        """
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

    def rebuilt_series(self) -> Mapping[Series, datetime]:
        """Return the series that were rebuilt, and when, until somebody acknowledges that.

        Nothing of them is pruned meanwhile: nobody knows yet what the lost catalog knew (design §6).
        """
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

    def clock_ahead(self, *, since: datetime) -> datetime | None:
        """Return the latest time in the log, from ``since`` on, or None.

        What was written before somebody last acknowledged the clock does not count: that was a
        clock which was wrong.
        """
        ...


class CatalogWriter(
    TimelineWriter, PruneWriter, AppliedWriter, OutboxWriter, SpaceWriter, Protocol
):
    """Writes what happened. Each method is idempotent: the same call again changes nothing."""

    def record_applied(
        self,
        revision: Revision,
        schedules: Sequence[AppliedSchedule],
        entry: LogEntry,
        *,
        policies: Sequence[AppliedPolicy] = (),
    ) -> None:
        """Make the revision and exactly these schedules and policies the applied ones.

        A policy that is not among them any more stays known as it was, no longer in force. The log
        entry is written only if the revision's digest differs from the one before.
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
        """Remember a backup, its copies and its marks, in one transaction with a log entry.

        A backup that is known already is left as it is, and no log entry is written.
        """
        ...

    def record_found(self, series: Series, found: Sequence[Backup], entry: LogEntry) -> None:
        """Remember backups of a series that were found at a destination, in one transaction.

        One that is unknown is recorded; to one that is known, copies at places that it does not
        list are added, and all else that is known stays. If anything was new, the log entry is
        written and the series counts as rebuilt at its time, until `acknowledge_rebuild`.
        """
        ...

    def acknowledge_rebuild(self, series: Series, entry: LogEntry) -> None:
        """Let a rebuilt series be pruned again, with a log entry; one that was not: no change."""
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


class Marks(Protocol):
    """What is said of backups afterwards; the objects at the destinations outlive this."""

    def marks(self, backup_id: BackupId) -> Sequence[Mark]:
        """Return every mark of a backup, oldest first, also those that were taken back."""
        ...

    def record_mark(self, backup_id: BackupId, mark: Mark, entry: LogEntry) -> None:
        """Remember a mark of a backup, in one transaction with a log entry.

        A mark whose name is known already is left as it is, and no log entry is written.

        Raises:
            CatalogError: the catalog does not list the backup.
        """
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

        "Before" includes the fences of the series' recorded backups, so that a rebuilt catalog goes
        on where the lost one was. A lease that was never taken or was released is free. One that
        was not released is taken only from the very holder (same fence) that the caller found to be
        gone or past its time, and whose completed manifests it has adopted already:
        ``taking_over``. Of two callers at once exactly one gets it.

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


class Catalog(CatalogReader, CatalogWriter, Marks, Leases, Protocol):
    """All of them, as one adapter provides them; only the composition root sees this type."""
