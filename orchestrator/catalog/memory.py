"""The catalog's in-memory twin: passes the same contract suite, forgets everything at the end."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta

from typing_extensions import override

from orchestrator.catalog.evidence import copy_after
from orchestrator.catalog.memory_applied import MemoryApplied
from orchestrator.catalog.memory_history import MemoryHistory
from orchestrator.catalog.memory_outbox import MemoryOutbox
from orchestrator.catalog.memory_pruning import MemoryPruning
from orchestrator.catalog.memory_space import MemorySpace
from orchestrator.catalog.refusals import (
    identifier_taken,
    lease_lost,
    series_locked,
    unknown_backup,
    unknown_copy,
    unknown_run,
)
from orchestrator.catalog.sql.columns import require_utc
from orchestrator.catalog.sql.rows import log_identity
from orchestrator.catalog.sql.translation import Place, translated
from orchestrator.model.backup import Backup, Copy
from orchestrator.model.lease import Lease
from orchestrator.model.marks import Mark
from orchestrator.model.names import (
    BackupId,
    DestinationName,
    PolicyName,
    RunId,
    ScheduleName,
    Series,
)
from orchestrator.model.run import CLOCK, Actor, LogAction, LogEntry, Run, RunResult, RunState
from orchestrator.model.timeline import MissedSlots, Pause
from orchestrator.model.verification import Verification
from orchestrator.ports.catalog import SeriesRecord

_PLACE = Place(shown="in memory")


class MemoryCatalog(MemoryHistory, MemorySpace, MemoryApplied, MemoryOutbox, MemoryPruning):
    """An `orchestrator.ports.catalog.Catalog` that lives as long as its object."""

    def __init__(self) -> None:
        """Start with nothing known."""
        super().__init__()
        self._lock = threading.Lock()
        self._backups: dict[BackupId, Backup] = {}
        self._marks: dict[BackupId, dict[str, Mark]] = {}
        self._runs: dict[RunId, Run] = {}
        self._series: dict[Series, SeriesRecord] = {}
        self._markers: dict[DestinationName, str] = {}
        self._rebuilt: dict[Series, datetime] = {}
        self._log: dict[str, LogEntry] = {}
        # The last lease of each series, and whether it is still held: fences only ever grow.
        self._leases: dict[Series, tuple[Lease, bool]] = {}
        self._pauses: dict[PolicyName, Pause] = {}
        self._missed_until: dict[tuple[Series, ScheduleName], datetime] = {}

    # -------------------------------------------------------------- reading
    @override
    def backups(self, series: Series | None = None) -> Sequence[Backup]:
        """Return backups, oldest snapshot first."""
        with self._transaction():
            wanted = [self._marked(b) for b in self._backups.values() if series in (None, b.series)]
        return sorted(wanted, key=lambda backup: (backup.snapshot_at, backup.id))

    @override
    def backup(self, backup_id: BackupId) -> Backup | None:
        """Return one backup, or None."""
        with self._transaction():
            backup = self._backups.get(backup_id)
            return None if backup is None else self._marked(backup)

    @override
    def runs(self, series: Series | None = None, *, since: datetime | None = None) -> Sequence[Run]:
        """Return attempts, oldest first."""
        with self._transaction():
            wanted = [
                run
                for run in self._runs.values()
                if series in (None, run.series) and (since is None or run.started_at >= since)
            ]
        return sorted(wanted, key=lambda run: (run.started_at, run.id))

    def leases(self) -> Sequence[Lease]:
        """Return the leases that are held, by policy and database."""
        with self._transaction():
            held = [lease for lease, is_held in self._leases.values() if is_held]
        return sorted(held, key=lambda lease: lease.series)

    def series_records(self) -> Sequence[SeriesRecord]:
        """Return every series, by policy and database."""
        with self._transaction():
            return sorted(self._series.values(), key=lambda record: record.series)

    def rebuilt_series(self) -> Mapping[Series, datetime]:
        """Return the series that were rebuilt and not acknowledged since, and when."""
        with self._transaction():
            return dict(self._rebuilt)

    def destination_marker(self, name: DestinationName) -> str | None:
        """Return the marker remembered for a destination, or None."""
        with self._transaction():
            return self._markers.get(name)

    def log(self, *, since: datetime | None = None) -> Sequence[LogEntry]:
        """Return the log, oldest first."""
        with self._transaction():
            wanted = [e for e in self._log.values() if since is None or e.at >= since]
        return sorted(wanted, key=lambda entry: entry.at)

    def clock_ahead(self, *, since: datetime) -> datetime | None:
        """Return the latest time in the log, written since the clock was last acknowledged."""
        found: datetime | None = None
        with self._transaction():
            for entry in self._log.values():
                if (entry.action, entry.subject) == (LogAction.ACKNOWLEDGE, CLOCK):
                    found = None
                if entry.at >= since:
                    found = max(entry.at, found or entry.at)
        return found

    def pauses(self) -> Sequence[Pause]:
        """Return every pause, by policy."""
        with self._transaction():
            return sorted(self._pauses.values(), key=lambda pause: pause.policy)

    def missed_until(self) -> Mapping[tuple[Series, ScheduleName], datetime]:
        """Return the last slot recorded as missed, by series and schedule."""
        with self._transaction():
            return dict(self._missed_until)

    # -------------------------------------------------------------- writing
    def record_destination(self, name: DestinationName, marker: str) -> None:
        """Remember a destination's marker."""
        with self._transaction():
            self._markers[name] = marker

    def record_series(self, record: SeriesRecord) -> None:
        """Remember a series, or add to what is known of its tables."""
        with self._transaction():
            known = self._series.get(record.series, record)
            blocks = {**known.blocks_per_chunk, **record.blocks_per_chunk}
            self._series[record.series] = replace(known, blocks_per_chunk=blocks)

    def record_run_started(self, run: Run, entry: LogEntry) -> None:
        """Remember an attempt."""
        with self._transaction():
            known = self._runs.get(run.id)
            if known is not None:
                _require_same_series(run.id, by=known.series, wanted=run.series)
            else:
                self._append(entry)
                self._runs[run.id] = run

    def record_run_finished(
        self, run: RunId, *, result: RunResult, at: datetime, entry: LogEntry
    ) -> None:
        """Close an attempt, once."""
        with self._transaction():
            known = self._runs.get(run)
            if known is None:
                raise unknown_run(run)
            if known.state is RunState.RUNNING:
                self._append(entry)
                self._runs[run] = known.finished(result, at)

    def record_backup(self, backup: Backup, entry: LogEntry) -> None:
        """Remember a backup and its copies."""
        with self._transaction():
            known = self._backups.get(backup.id)
            if known is not None:
                _require_same_series(backup.id, by=known.series, wanted=backup.series)
            else:
                self._append(entry)
                self._backups[backup.id] = backup
                self._marks[backup.id] = {mark.name: mark for mark in backup.marks}

    def record_found(self, series: Series, found: Sequence[Backup], entry: LogEntry) -> None:
        """Remember backups and copies that are new, and hold the pruning of their series."""
        with self._transaction():
            merged = {backup.id: self._merged(backup) for backup in found}
            if any(self._backups.get(known) != backup for known, backup in merged.items()):
                self._append(entry)
                for backup in found:
                    self._marks.setdefault(backup.id, {mark.name: mark for mark in backup.marks})
                self._backups |= merged
                self._rebuilt[series] = require_utc(entry.at)

    def acknowledge_rebuild(self, series: Series, entry: LogEntry) -> None:
        """Let a rebuilt series be pruned again."""
        with self._transaction():
            if self._rebuilt.pop(series, None) is not None:
                self._append(entry)

    def record_verification(self, verification: Verification, entry: LogEntry) -> None:
        """Keep the result with the copy."""
        with self._transaction():
            backup = self._backups.get(verification.backup)
            if backup is None or verification.destination not in _places(backup):
                raise unknown_copy(verification)
            self._append(entry)
            copies = tuple(_verified(copy, verification) for copy in backup.copies)
            self._backups[backup.id] = replace(backup, copies=copies)

    def append_log(self, entry: LogEntry) -> None:
        """Append an entry; the very same entry again changes nothing."""
        with self._transaction():
            self._append(entry)

    # -------------------------------------------------------------- marks
    def marks(self, backup_id: BackupId) -> Sequence[Mark]:
        """Return every mark of a backup, oldest first."""
        with self._transaction():
            known = list(self._marks.get(backup_id, {}).values())
        return sorted(known, key=lambda mark: (mark.at, mark.name))

    def record_mark(self, backup_id: BackupId, mark: Mark, entry: LogEntry) -> None:
        """Remember a mark of a backup."""
        with self._transaction():
            if backup_id not in self._backups:
                raise unknown_backup(backup_id)
            known = self._marks.setdefault(backup_id, {})
            if mark.name not in known:
                self._append(entry)
                known[mark.name] = mark

    # -------------------------------------------------------------- timeline
    def record_pause(self, pause: Pause, entry: LogEntry) -> None:
        """Pause a policy."""
        with self._transaction():
            if self._pauses.get(pause.policy) != pause:
                self._append(entry)
                self._pauses[pause.policy] = pause

    def record_resumed(self, policy: PolicyName, entry: LogEntry) -> bool:
        """Forget the pause of a policy."""
        with self._transaction():
            was_paused = self._pauses.pop(policy, None) is not None
            if was_paused:
                self._append(entry)
            return was_paused

    def record_missed(self, missed: MissedSlots, entry: LogEntry) -> bool:
        """Remember missed slots, if they were counted from what is remembered."""
        key = missed.series, missed.schedule
        with self._transaction():
            if self._missed_until.get(key) != missed.counted_from:
                return False
            self._append(entry)
            self._missed_until[key] = require_utc(missed.last)
            return True

    # -------------------------------------------------------------- leases
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
        """Take the lease of a series, under a new fence."""
        ends = now + duration
        with self._transaction():
            last, is_held = self._leases.get(series, (None, False))
            if last and is_held and (taking_over is None or taking_over.fence != last.fence):
                raise series_locked(last, now=now)
            fences = [known.fence for known in self._backups.values() if known.series == series]
            fence = max([last.fence if last else 0, *fences]) + 1
            lease = Lease(series=series, run=run, holder=holder, fence=fence, expires_at=ends)
            self._leases[series] = (lease, True)
            return lease

    def renew(self, lease: Lease, *, now: datetime, duration: timedelta) -> Lease:
        """Extend a lease that is still ours."""
        with self._transaction():
            self._require_ours(lease)
            renewed = replace(lease, expires_at=now + duration)
            self._leases[lease.series] = (renewed, True)
            return renewed

    def check(self, lease: Lease, *, now: datetime) -> None:
        """Do nothing if the lease is ours and its time has not passed."""
        with self._transaction():
            ends = self._require_ours(lease).expires_at
        if now >= ends:
            raise lease_lost(lease, f"its time passed at {ends:%Y-%m-%dT%H:%M:%SZ}")

    def release(self, lease: Lease) -> None:
        """Give the lease back, if it is still ours."""
        with self._transaction():
            last, is_held = self._leases.get(lease.series, (None, False))
            if last and is_held and last.fence == lease.fence:
                self._leases[lease.series] = (last, False)

    # -------------------------------------------------------------- parts
    @override
    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._lock, translated(_PLACE):
            yield

    def _marked(self, backup: Backup) -> Backup:
        return backup.marked(self._marks.get(backup.id, {}).values())

    def _merged(self, backup: Backup) -> Backup:
        known = self._backups.get(backup.id)
        if known is None:
            return backup
        _require_same_series(backup.id, by=known.series, wanted=backup.series)
        new = [copy for copy in backup.copies if copy.destination not in _places(known)]
        return replace(known, copies=(*known.copies, *new))

    @override
    def _append(self, entry: LogEntry) -> None:
        self._log.setdefault(log_identity(entry), replace(entry, at=require_utc(entry.at)))

    def _require_ours(self, lease: Lease) -> Lease:
        last, is_held = self._leases.get(lease.series, (None, False))
        if last is None or not is_held or last.fence != lease.fence:
            raise lease_lost(lease, "it was released, or another run took over")
        return last


def _require_same_series(identifier: BackupId | RunId, *, by: Series, wanted: Series) -> None:
    if by != wanted:
        raise identifier_taken(identifier, by=by, wanted=wanted)


def _places(backup: Backup) -> set[DestinationName]:
    return {copy.destination for copy in backup.copies}


def _verified(copy: Copy, verification: Verification) -> Copy:
    if copy.destination != verification.destination:
        return copy
    return copy_after(copy, verification)
