"""Incidents and the outbox in the in-memory catalog: `orchestrator.ports.outbox`."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime

from orchestrator.catalog.sql.columns import storable
from orchestrator.catalog.sql.outbox.documents import alert_of_document, document_of_alert
from orchestrator.model.alert import Cause
from orchestrator.model.backup import Backup, CopyState
from orchestrator.model.incident import (
    DamagedCopy,
    Incident,
    IncidentChange,
    Message,
    SeriesTotals,
    Setback,
    UncoveredTables,
)
from orchestrator.model.names import BackupId, ChannelName, Series
from orchestrator.model.run import LogEntry


class MemoryOutbox(ABC):
    """The part of the in-memory catalog that alerts need."""

    _backups: dict[BackupId, Backup]

    def __init__(self) -> None:
        """Start with nothing wrong and nothing said."""
        super().__init__()
        self._incidents: dict[tuple[Cause, ChannelName], Incident] = {}
        self._outbox: dict[str, Message] = {}
        self._setbacks: dict[tuple[Series, str, str], Setback] = {}
        self._uncovered: dict[Series, UncoveredTables] = {}

    @abstractmethod
    def _transaction(self) -> AbstractContextManager[None]: ...

    @abstractmethod
    def _append(self, entry: LogEntry) -> None: ...

    # -------------------------------------------------------------- incidents and messages
    def incidents(self) -> Sequence[Incident]:
        """Return every incident, by cause."""
        with self._transaction():
            return sorted(
                self._incidents.values(),
                key=lambda one: (one.cause.event.value, one.cause.subject, one.channel),
            )

    def undelivered(self) -> Sequence[Message]:
        """Return the messages that did not end, oldest first."""
        return [message for message in self.messages() if not message.is_delivered]

    def messages(self, *, since: datetime | None = None) -> Sequence[Message]:
        """Return all messages, oldest first."""
        with self._transaction():
            wanted = [m for m in self._outbox.values() if since is None or m.created_at >= since]
        return sorted(wanted, key=lambda message: (message.created_at, message.id))

    def record_incidents(self, changes: Sequence[IncidentChange]) -> int:
        """Record changes that nobody else made first."""
        with self._transaction():
            return sum(self._record(change) for change in changes)

    def claim_message(self, claimed: Message) -> bool:
        """Record a message as claimed, if nobody changed it."""
        return self._replace(claimed)

    def record_delivery(self, message: Message) -> bool:
        """Record what came of sending, if the claim was still ours."""
        return self._replace(message)

    def tidy_outbox(self, *, before: datetime) -> None:
        """Forget what ended before a time."""
        with self._transaction():
            self._incidents = {
                key: one
                for key, one in self._incidents.items()
                if one.recovered_at is None or one.recovered_at >= before
            }
            self._outbox = {
                key: one
                for key, one in self._outbox.items()
                if one.ended_at is None or one.ended_at >= before
            }

    # -------------------------------------------------------------- setbacks
    def setbacks(self) -> Sequence[Setback]:
        """Return the actions that failed last time."""
        with self._transaction():
            return sorted(self._setbacks.values(), key=lambda setback: setback.key)

    def record_setback(self, setback: Setback) -> None:
        """Remember that an action failed."""
        with self._transaction():
            known = self._setbacks.get(setback.key, setback)
            self._setbacks[setback.key] = replace(setback, since=known.since)

    def forget_setbacks(self, keys: Collection[tuple[Series, str, str]]) -> None:
        """Forget setbacks."""
        with self._transaction():
            for key in keys:
                self._setbacks.pop(key, None)

    # -------------------------------------------------------------- uncovered tables
    def uncovered_tables(self) -> Sequence[UncoveredTables]:
        """Return the tables that no pattern names."""
        with self._transaction():
            return sorted(self._uncovered.values(), key=lambda uncovered: uncovered.series)

    def record_uncovered(self, uncovered: UncoveredTables) -> None:
        """Remember which tables no pattern names."""
        with self._transaction():
            known = self._uncovered.pop(uncovered.series, uncovered)
            if uncovered.tables:
                self._uncovered[uncovered.series] = replace(uncovered, since=known.since)

    # -------------------------------------------------------------- backups
    def damaged_copies(self) -> Sequence[DamagedCopy]:
        """Return every damaged copy of a listed backup."""
        with self._transaction():
            backups = sorted(
                self._backups.values(), key=lambda one: (one.series, one.snapshot_at, one.id)
            )
            return [
                DamagedCopy(
                    series=backup.series,
                    backup=backup.id,
                    destination=copy.destination,
                    found_at=copy.verified_at,
                    trouble=copy.trouble or "",
                )
                for backup in backups
                for copy in sorted(backup.copies, key=lambda copy: copy.destination)
                if copy.state is CopyState.DAMAGED
            ]

    def totals(self, *, since: datetime) -> Mapping[Series, SeriesTotals]:
        """Return sums over the backups of every series."""
        with self._transaction():
            backups = list(self._backups.values())
        return {
            series: _total([one for one in backups if one.series == series], since)
            for series in {one.series for one in backups}
        }

    # -------------------------------------------------------------- parts
    def _record(self, change: IncidentChange) -> bool:
        message, after = change.message, change.after
        if after is None:
            if message is None or message.id in self._outbox:
                return False
        else:
            key = after.cause, after.channel
            if self._incidents.get(key) != change.before:
                return False
            self._incidents[key] = after
        if message is not None:
            stored = replace(message, alert=alert_of_document(document_of_alert(message.alert)))
            self._outbox.setdefault(message.id, stored)
        if change.entry is not None:
            self._append(change.entry)
        return True

    def _replace(self, message: Message) -> bool:
        with self._transaction():
            known = self._outbox.get(message.id)
            if known is None or known.version != message.version - 1:
                return False
            self._outbox[message.id] = replace(message, answer=storable(message.answer))
            return True


def _total(backups: Sequence[Backup], since: datetime) -> SeriesTotals:
    taken = [one for one in backups if one.snapshot_at >= since]
    return SeriesTotals(
        series=backups[0].series,
        listed=len(backups),
        taken=len(taken),
        new_bytes=sum(one.new_bytes for one in taken),
        oldest=min(
            (
                one.snapshot_at
                for one in backups
                if any(copy.state is CopyState.COMPLETE for copy in one.copies)
            ),
            default=None,
        ),
    )
