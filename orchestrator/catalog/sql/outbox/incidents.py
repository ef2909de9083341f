"""Incidents and the outbox in SQL: `orchestrator.ports.outbox`."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, delete, select, update

from orchestrator.catalog.sql.outbox.incident_rows import (
    incident_of,
    key_of_incident,
    message_of,
    row_of_incident,
    row_of_message,
)
from orchestrator.catalog.sql.rows import row_of_log_entry
from orchestrator.catalog.sql.tables import INCIDENTS, LOG, OUTBOX
from orchestrator.catalog.sql.transactions import Transactions, insert_if_new
from orchestrator.model.incident import Incident, IncidentChange, Message


class SqlOutbox:
    """Reads and writes incidents and messages, each in one transaction."""

    def __init__(self, transactions: Transactions) -> None:
        """Given a way to open transactions on a migrated catalog, go through it."""
        self._transactions = transactions

    def incidents(self) -> Sequence[Incident]:
        """Return every incident, by cause."""
        with self._transactions.reading() as connection:
            found = [incident_of(row) for row in connection.execute(select(INCIDENTS)).mappings()]
        return sorted(found, key=_by_cause)

    def undelivered(self) -> Sequence[Message]:
        """Return the messages that did not end, oldest first."""
        return self._messages(select(OUTBOX).where(OUTBOX.c.ended_at.is_(None)))

    def messages(self, *, since: datetime | None = None) -> Sequence[Message]:
        """Return all messages, oldest first."""
        query = select(OUTBOX)
        return self._messages(query if since is None else query.where(OUTBOX.c.created_at >= since))

    def record_incidents(self, changes: Sequence[IncidentChange]) -> int:
        """Record changes that nobody else made first."""
        with self._transactions.writing() as connection:
            return sum(_record(connection, change) for change in changes)

    def claim_message(self, claimed: Message) -> bool:
        """Record a message as claimed, if nobody changed it."""
        return self._replace(claimed)

    def record_delivery(self, message: Message) -> bool:
        """Record what came of sending, if the claim was still ours."""
        return self._replace(message)

    def tidy_outbox(self, *, before: datetime) -> None:
        """Forget what ended before a time."""
        with self._transactions.writing() as connection:
            connection.execute(delete(INCIDENTS).where(INCIDENTS.c.recovered_at < before))
            connection.execute(delete(OUTBOX).where(OUTBOX.c.ended_at < before))

    # -------------------------------------------------------------- parts
    def _messages(self, query: Select[tuple[Any, ...]]) -> Sequence[Message]:
        ordered = query.order_by(OUTBOX.c.created_at, OUTBOX.c.id)
        with self._transactions.reading() as connection:
            return [message_of(row) for row in connection.execute(ordered).mappings()]

    def _replace(self, message: Message) -> bool:
        is_as_read = (OUTBOX.c.id == message.id) & (OUTBOX.c.version == message.version - 1)
        with self._transactions.writing() as connection:
            statement = update(OUTBOX).where(is_as_read).values(**row_of_message(message))
            return connection.execute(statement).rowcount > 0


def _by_cause(incident: Incident) -> tuple[str, str, str]:
    return incident.cause.event.value, incident.cause.subject, incident.channel


def _record(connection: Connection, change: IncidentChange) -> bool:
    message, after = change.message, change.after
    if after is None:
        is_ours = message is not None and insert_if_new(connection, OUTBOX, row_of_message(message))
    else:
        is_ours = _record_incident(connection, change.before, after)
        if is_ours and message is not None:
            insert_if_new(connection, OUTBOX, row_of_message(message))
    if is_ours and change.entry is not None:
        insert_if_new(connection, LOG, row_of_log_entry(change.entry))
    return is_ours


def _record_incident(connection: Connection, before: Incident | None, after: Incident) -> bool:
    row = row_of_incident(after)
    if before is None:
        return insert_if_new(connection, INCIDENTS, row)
    statement = (
        update(INCIDENTS).filter_by(**key_of_incident(before), version=before.version).values(**row)
    )
    return connection.execute(statement).rowcount > 0
