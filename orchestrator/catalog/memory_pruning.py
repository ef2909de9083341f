"""Pruning in the in-memory catalog: `orchestrator.ports.catalog.PruneReader` and its writer."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime

from orchestrator.catalog.copy_states import (
    being_pruned,
    expired,
    kept_again,
    refused,
    taken_back,
)
from orchestrator.catalog.sql.columns import require_utc
from orchestrator.model.backup import Backup, Copy
from orchestrator.model.names import BackupId, DestinationName, ObjectKey, Series
from orchestrator.model.pruning import CollectionState, Tombstone
from orchestrator.model.run import LogEntry

_Place = tuple[Series, DestinationName]


class MemoryPruning(ABC):
    """The part of the in-memory catalog that pruning writes."""

    _backups: dict[BackupId, Backup]

    def __init__(self) -> None:
        """Start with nothing pruned."""
        self._tombstones: list[Tombstone] = []
        self._unreferenced: dict[_Place, dict[ObjectKey, datetime]] = {}
        self._looked_at: dict[_Place, datetime] = {}

    @abstractmethod
    def _transaction(self) -> AbstractContextManager[None]: ...

    @abstractmethod
    def _append(self, entry: LogEntry) -> None: ...

    def tombstones(self, *, since: datetime) -> Mapping[Series, Sequence[Tombstone]]:
        """Return what was pruned since a time, by series."""
        found: dict[Series, list[Tombstone]] = {}
        with self._transaction():
            for stone in sorted(self._tombstones, key=lambda stone: stone.pruned_at):
                if stone.pruned_at >= since:
                    found.setdefault(stone.series, []).append(stone)
        return found

    def collections(self) -> Mapping[_Place, CollectionState]:
        """Return how far every collection is."""
        with self._transaction():
            return {
                place: CollectionState(
                    looked_at=self._looked_at.get(place),
                    oldest_unreferenced=min(
                        self._unreferenced.get(place, {}).values(), default=None
                    ),
                )
                for place in self._looked_at.keys() | self._unreferenced.keys()
            }

    def unreferenced(
        self, series: Series, destination: DestinationName
    ) -> Mapping[ObjectKey, datetime]:
        """Return when each object was first seen unreferenced."""
        with self._transaction():
            return dict(self._unreferenced.get((series, destination), {}))

    def record_expired(
        self,
        destination: DestinationName,
        backups: Collection[BackupId],
        *,
        at: datetime,
        beyond_normal_ageing: bool,
        entry: LogEntry,
    ) -> None:
        """Mark copies as expired."""
        moment = require_utc(at)
        self._change(
            destination,
            backups,
            lambda copy: expired(copy, moment, beyond_normal_ageing=beyond_normal_ageing),
            entry,
        )

    def record_kept_again(
        self, destination: DestinationName, backups: Collection[BackupId], entry: LogEntry
    ) -> None:
        """Take marks back."""
        self._change(destination, backups, kept_again, entry)

    def record_prune_started(
        self, backup: BackupId, destination: DestinationName, entry: LogEntry
    ) -> None:
        """Make a copy PRUNING."""
        self._change(destination, [backup], being_pruned, entry)

    def record_prune_taken_back(
        self, backup: BackupId, destination: DestinationName, entry: LogEntry
    ) -> None:
        """Make a PRUNING copy what it was before."""
        self._change(destination, [backup], taken_back, entry)

    def record_prune_refused(
        self,
        backup: BackupId,
        destination: DestinationName,
        *,
        at: datetime,
        is_whole: bool,
        entry: LogEntry,
    ) -> None:
        """Remember that a destination kept a copy."""
        moment = require_utc(at)
        self._change(
            destination, [backup], lambda copy: refused(copy, moment, is_whole=is_whole), entry
        )

    def record_pruned(self, stone: Tombstone, entry: LogEntry) -> None:
        """Forget a copy, and with the last one its backup."""
        with self._transaction():
            backup = self._backups.get(stone.backup)
            left = [copy for copy in _copies(backup) if copy.destination != stone.destination]
            if backup is None or len(left) == len(backup.copies):
                return
            self._append(entry)
            self._tombstones.append(stone)
            if left:
                self._backups[backup.id] = replace(backup, copies=tuple(left))
            else:
                del self._backups[backup.id]

    def record_unreferenced(
        self,
        series: Series,
        destination: DestinationName,
        keys: Collection[ObjectKey],
        *,
        at: datetime,
    ) -> None:
        """Remember unreferenced objects."""
        moment = require_utc(at)
        with self._transaction():
            known = self._unreferenced.get((series, destination), {})
            self._unreferenced[series, destination] = {key: known.get(key, moment) for key in keys}

    def record_collection(
        self,
        series: Series,
        destination: DestinationName,
        *,
        at: datetime,
        removed: Collection[ObjectKey],
        entry: LogEntry,
    ) -> None:
        """Remember a look, and forget what was removed."""
        moment = require_utc(at)
        with self._transaction():
            if removed:
                self._append(entry)
            known = self._unreferenced.get((series, destination), {})
            for key in removed:
                known.pop(key, None)
            self._looked_at[series, destination] = moment

    def _change(
        self,
        destination: DestinationName,
        backups: Collection[BackupId],
        change: Callable[[Copy], Copy],
        entry: LogEntry,
    ) -> None:
        with self._transaction():
            changed: dict[BackupId, Backup] = {}
            for identifier in backups:
                backup = self._backups.get(identifier)
                copies = tuple(
                    change(copy) if copy.destination == destination else copy
                    for copy in _copies(backup)
                )
                if backup is not None and copies != backup.copies:
                    changed[identifier] = replace(backup, copies=copies)
            if changed:
                self._append(entry)
                self._backups |= changed


def _copies(backup: Backup | None) -> Sequence[Copy]:
    return () if backup is None else backup.copies
