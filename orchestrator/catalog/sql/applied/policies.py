"""What was applied last, in SQL: `orchestrator.ports.applied.AppliedReader` and `record_applied`."""

from collections.abc import Sequence

from sqlalchemy import Connection, delete, func, insert, select, update

from orchestrator.catalog.sql.tables import (
    APPLIED_POLICIES,
    APPLIED_REVISION,
    APPLIED_SCHEDULES,
    BACKUPS,
)
from orchestrator.catalog.sql.transactions import Transactions, insert_if_new
from orchestrator.catalog.sql.writing import append_entry
from orchestrator.model.names import PolicyName, Series
from orchestrator.model.policy import Revision
from orchestrator.model.run import LogEntry
from orchestrator.ports.applied import Amount, AppliedPolicy
from orchestrator.ports.catalog import AppliedSchedule


class SqlApplied:
    """Reads and writes what was applied, each in one transaction."""

    def __init__(self, transactions: Transactions) -> None:
        """Given a way to open transactions on a migrated catalog, read through it."""
        self._transactions = transactions

    def applied_policies(self) -> Sequence[AppliedPolicy]:
        """Return every policy that was ever applied, by name."""
        with self._transactions.reading() as connection:
            rows = connection.execute(select(APPLIED_POLICIES)).mappings()
            listed = [
                AppliedPolicy(
                    name=PolicyName(row["policy"]),
                    document=row["document"],
                    in_force=row["in_force"],
                )
                for row in rows
            ]
        return sorted(listed, key=lambda policy: policy.name)

    def amount(self, series: Series) -> Amount:
        """Return how many backups a series has, and their bytes, in one query without a join."""
        query = select(func.count(), func.coalesce(func.sum(BACKUPS.c.stored_bytes), 0)).where(
            BACKUPS.c.policy == series.policy,
            BACKUPS.c.database == series.database,
            BACKUPS.c.pruned_at.is_(None),
        )
        with self._transactions.reading() as connection:
            number, size = connection.execute(query).one()
        return Amount(backups=int(number), stored_bytes=int(size))

    def record_applied(
        self,
        revision: Revision,
        schedules: Sequence[AppliedSchedule],
        entry: LogEntry,
        *,
        policies: Sequence[AppliedPolicy] = (),
    ) -> None:
        """Replace what is applied; the entry is written only if the digest is another."""
        applied = APPLIED_REVISION
        with self._transactions.writing() as connection:
            insert_if_new(connection, applied, {"id": 1})
            before = connection.execute(select(applied.c.digest).with_for_update()).scalar()
            connection.execute(
                update(applied).values(digest=revision.digest, git_commit=revision.git_commit)
            )
            _replace_schedules(connection, schedules)
            _replace_policies(connection, policies)
            if before != revision.digest:
                append_entry(connection, entry)


def _replace_schedules(connection: Connection, schedules: Sequence[AppliedSchedule]) -> None:
    connection.execute(delete(APPLIED_SCHEDULES))
    if schedules:
        rows = [
            {
                "position": position,
                "policy": schedule.policy,
                "schedule": schedule.schedule,
                "cron": schedule.cron,
                "timezone": schedule.timezone,
                "since": schedule.since,
            }
            for position, schedule in enumerate(schedules)
        ]
        connection.execute(insert(APPLIED_SCHEDULES), rows)


def _replace_policies(connection: Connection, policies: Sequence[AppliedPolicy]) -> None:
    """Make these the policies in force, in a transaction that changes more; the others stay known."""
    table = APPLIED_POLICIES
    known = {
        row["policy"]: {**row, "in_force": False}
        for row in connection.execute(select(table)).mappings()
    }
    applied = {
        policy.name: {
            "policy": policy.name,
            "document": policy.document,
            "in_force": policy.in_force,
        }
        for policy in policies
    }
    rows = [*{**known, **applied}.values()]
    connection.execute(delete(table))
    if rows:
        connection.execute(insert(table), rows)
