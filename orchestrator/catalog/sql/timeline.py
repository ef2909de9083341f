"""Pauses and missed slots in SQL: `orchestrator.ports.catalog.TimelineReader` and its writer."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import delete, select, update

from orchestrator.catalog.sql.rows import pause_of, row_of_log_entry, row_of_pause, series_of
from orchestrator.catalog.sql.tables import LOG, MISSED, PAUSES
from orchestrator.catalog.sql.transactions import Transactions, insert_if_new
from orchestrator.model.names import PolicyName, ScheduleName, Series
from orchestrator.model.run import LogEntry
from orchestrator.model.timeline import MissedSlots, Pause


class SqlTimeline:
    """Reads and writes what interrupts timelines, each in one transaction."""

    def __init__(self, transactions: Transactions) -> None:
        """Given a way to open transactions on a migrated catalog, go through it."""
        self._transactions = transactions

    def pauses(self) -> Sequence[Pause]:
        """Return every pause, by policy."""
        with self._transactions.reading() as connection:
            rows = connection.execute(select(PAUSES)).mappings()
            return sorted(map(pause_of, rows), key=lambda pause: pause.policy)

    def missed_until(self) -> Mapping[tuple[Series, ScheduleName], datetime]:
        """Return the last slot recorded as missed, by series and schedule."""
        with self._transactions.reading() as connection:
            rows = connection.execute(select(MISSED)).mappings()
            return {(series_of(row), ScheduleName(row["schedule"])): row["until"] for row in rows}

    def record_pause(self, pause: Pause, entry: LogEntry) -> None:
        """Pause a policy."""
        row, of_policy = row_of_pause(pause), PAUSES.c.policy == pause.policy
        with self._transactions.writing() as connection:
            if not insert_if_new(connection, PAUSES, row):
                query = select(PAUSES).where(of_policy).with_for_update()
                if pause_of(connection.execute(query).mappings().one()) == pause:
                    return
                connection.execute(update(PAUSES).where(of_policy).values(**row))
            insert_if_new(connection, LOG, row_of_log_entry(entry))

    def record_resumed(self, policy: PolicyName, entry: LogEntry) -> bool:
        """Forget the pause of a policy."""
        forgetting = delete(PAUSES).where(PAUSES.c.policy == policy)
        with self._transactions.writing() as connection:
            was_paused = connection.execute(forgetting).rowcount > 0
            if was_paused:
                insert_if_new(connection, LOG, row_of_log_entry(entry))
        return was_paused

    def record_missed(self, missed: MissedSlots, entry: LogEntry) -> bool:
        """Remember missed slots, if they were counted from what is remembered."""
        key = {
            "policy": missed.series.policy,
            "database": missed.series.database,
            "schedule": missed.schedule,
        }
        with self._transactions.writing() as connection:
            if missed.counted_from is None:
                is_ours = insert_if_new(connection, MISSED, {**key, "until": missed.last})
            else:
                moving = (
                    update(MISSED)
                    .filter_by(**key, until=missed.counted_from)
                    .values(until=missed.last)
                )
                is_ours = connection.execute(moving).rowcount > 0
            if is_ours:
                insert_if_new(connection, LOG, row_of_log_entry(entry))
        return is_ours
