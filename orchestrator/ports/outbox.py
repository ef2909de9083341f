"""Incidents, the outbox, and the few facts that only alerts need.

Part of `orchestrator.ports.catalog`; the rules of that module hold here, too.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from orchestrator.model.incident import (
    DamagedCopy,
    Incident,
    IncidentChange,
    Message,
    SeriesTotals,
    Setback,
    UncoveredTables,
)
from orchestrator.model.names import Series


class OutboxReader(Protocol):
    """Reads what is wrong, and what was said about it."""

    def incidents(self) -> Sequence[Incident]:
        """Return every incident that is open, or was closed and not forgotten yet, by cause."""
        ...

    def undelivered(self) -> Sequence[Message]:
        """Return the messages that are neither sent nor given up, oldest first."""
        ...

    def messages(self, *, since: datetime | None = None) -> Sequence[Message]:
        """Return all messages that were written at or after ``since``, oldest first."""
        ...

    def setbacks(self) -> Sequence[Setback]:
        """Return the actions that failed last time, by series, action and what they were about."""
        ...

    def damaged_copies(self) -> Sequence[DamagedCopy]:
        """Return every damaged copy of a listed backup, by series, oldest snapshot first."""
        ...

    def uncovered_tables(self) -> Sequence[UncoveredTables]:
        """Return the tables that no pattern names, of each series that has any, by series."""
        ...

    def totals(self, *, since: datetime) -> Mapping[Series, SeriesTotals]:
        """Return sums over the backups of every series; the period begins with ``since``."""
        ...


class OutboxWriter(Protocol):
    """Writes what is wrong, and what is said about it."""

    def record_incidents(self, changes: Sequence[IncidentChange]) -> int:
        """Record changes of incidents with their messages, and return how many were recorded.

        Each change happens as a whole or not at all, all of them in one transaction. One whose
        ``before`` is not what is known now is left out: another process was first. So is a message
        without an incident whose id is known.
        """
        ...

    def claim_message(self, claimed: Message) -> bool:
        """Record a message as claimed; False if anybody changed it since it was read.

        ``claimed`` is what `Message.claimed` made of the message as it was read.
        """
        ...

    def record_delivery(self, message: Message) -> bool:
        """Record what came of sending; False if the claim ended and somebody else took over."""
        ...

    def record_setback(self, setback: Setback) -> None:
        """Remember that an action failed; one that failed before keeps its ``since``."""
        ...

    def forget_setbacks(self, keys: Collection[tuple[Series, str, str]]) -> None:
        """Forget setbacks: the actions succeeded, or are not needed any more."""
        ...

    def record_uncovered(self, uncovered: UncoveredTables) -> None:
        """Remember which tables no pattern names; none: forget the series.

        A series that had some before keeps its ``since``.
        """
        ...

    def tidy_outbox(self, *, before: datetime) -> None:
        """Forget incidents that were closed, and messages that ended, before that time."""
        ...
