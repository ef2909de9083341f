"""A policy's new name, in SQL: `orchestrator.ports.applied.AppliedWriter`.

Every table that has a column ``policy`` is changed, so that one that is added later is, too.
"""

from collections.abc import Collection

from sqlalchemy import Connection, Table, delete, select, text, update

from orchestrator.catalog.refusals import both_have_backups, rename_locked
from orchestrator.catalog.sql.rows import lease_of
from orchestrator.catalog.sql.tables import APPLIED_SCHEDULES, BACKUPS, LEASES, METADATA, PAUSES
from orchestrator.catalog.sql.transactions import Transactions
from orchestrator.catalog.sql.writing import append_entry
from orchestrator.model.names import PolicyName
from orchestrator.model.run import LogEntry

_LOCK_NUMBER = 0x6F7263_72656E61
"""Of PostgreSQL's advisory locks, the one held while a policy is renamed ("orc", "rena")."""


class SqlRenaming:
    """Renames, each in one transaction."""

    def __init__(self, transactions: Transactions) -> None:
        """Given a way to open transactions on a migrated catalog, rename through it."""
        self._transactions = transactions

    def record_renamed(
        self,
        old: PolicyName,
        new: PolicyName,
        *,
        abandoned: Collection[int],
        entry: LogEntry,
    ) -> bool:
        """Give everything that is known of a policy a new name.

        Raises:
            SeriesLockedError: a run is at work on a series of either name.
            RenameRefusedError: both names have backups.
        """
        with self._transactions.writing() as connection:
            _wait_for_others(connection)
            _refuse_if_locked(connection, (old, new), abandoned)
            if _has_backups(connection, new):
                if _has_backups(connection, old):
                    raise both_have_backups(old, new)
                return False
            tables = [table for table in METADATA.sorted_tables if "policy" in table.c]
            renamed = [_rename(connection, table, old, new) for table in tables]
            if not any(renamed):
                return False
            append_entry(connection, entry)
            return True


def _wait_for_others(connection: Connection) -> None:
    """Let nobody else rename until the end: what he wrote would be taken for what gives way."""
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK_NUMBER})"))


def _refuse_if_locked(
    connection: Connection, names: Collection[PolicyName], abandoned: Collection[int]
) -> None:
    # Locked, so that nobody takes one of them before the new name stands.
    query = select(LEASES).where(LEASES.c.policy.in_(names)).with_for_update()
    for row in connection.execute(query).mappings().all():
        if not row["released"] and row["fence"] not in abandoned:
            raise rename_locked(lease_of(row))


def _has_backups(connection: Connection, policy: PolicyName) -> bool:
    query = select(BACKUPS.c.id).where(BACKUPS.c.policy == policy, BACKUPS.c.pruned_at.is_(None))
    return connection.execute(query.limit(1)).first() is not None


def _rename(connection: Connection, table: Table, old: PolicyName, new: PolicyName) -> bool:
    """Rename in one table, and return whether it knew the old name."""
    column = table.c["policy"]
    if connection.execute(select(column).where(column == old).limit(1)).first() is None:
        return False
    if table is PAUSES:
        paused = connection.execute(select(column).where(column == new)).first() is not None
        if paused:
            connection.execute(delete(table).where(column == old))
            return True
    elif column.primary_key or table is APPLIED_SCHEDULES:
        connection.execute(delete(table).where(column == new))
    connection.execute(update(table).where(column == old).values(policy=new))
    return True
