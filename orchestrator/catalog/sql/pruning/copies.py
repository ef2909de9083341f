"""What becomes of copies that no rule keeps, in SQL; a copy that is gone leaves a tombstone."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, delete, select, update

from orchestrator.catalog.copy_states import (
    being_pruned,
    expired,
    kept_again,
    refused,
    taken_back,
)
from orchestrator.catalog.sql.columns import require_utc
from orchestrator.catalog.sql.rows import (
    Row,
    columns_of_copy,
    copy_of,
    prune_columns_of_copy,
)
from orchestrator.catalog.sql.tables import BACKUPS, COPIES, TOMBSTONES
from orchestrator.catalog.sql.transactions import Transactions, insert_if_new
from orchestrator.catalog.sql.writing import append_entry
from orchestrator.model.backup import Copy
from orchestrator.model.names import BackupId, DestinationName, Series
from orchestrator.model.pruning import Tombstone
from orchestrator.model.run import LogEntry


class SqlPruning:
    """Reads and writes what pruning does to copies, each in one transaction."""

    def __init__(self, transactions: Transactions) -> None:
        """Given a way to open transactions on a migrated catalog, work through it."""
        self._transactions = transactions

    def tombstones(self, *, since: datetime) -> Mapping[Series, Sequence[Tombstone]]:
        """Return what was pruned since a time, by series."""
        columns = TOMBSTONES.c
        query = (
            select(columns.policy, columns.database, *(columns[name] for name in _PLAIN_COLUMNS))
            .where(columns.pruned_at >= since)
            .order_by(columns.pruned_at, columns.backup)
        )
        found: dict[Series, list[Tombstone]] = {}
        with self._transactions.reading() as connection:
            for policy, database, *plain in connection.execute(query).all():
                series = Series(policy, database)
                stone = Tombstone(series=series, **dict(zip(_PLAIN_COLUMNS, plain, strict=True)))
                found.setdefault(series, []).append(stone)
        return found

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

        def mark(copy: Copy) -> Copy:
            return expired(copy, moment, beyond_normal_ageing=beyond_normal_ageing)

        self._change(destination, backups, mark, entry)

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
        of_backup = COPIES.c.backup == stone.backup
        with self._transactions.writing() as connection:
            going = delete(COPIES).where(of_backup, COPIES.c.destination == stone.destination)
            if not connection.execute(going).rowcount:
                return
            insert_if_new(connection, TOMBSTONES, _row_of_tombstone(stone))
            left = select(COPIES.c.destination).where(of_backup)
            connection.execute(
                update(BACKUPS)
                .where(BACKUPS.c.id == stone.backup, ~left.exists())
                .values(pruned_at=stone.pruned_at)
            )
            append_entry(connection, entry)

    def _change(
        self,
        destination: DestinationName,
        backups: Collection[BackupId],
        change: Callable[[Copy], Copy],
        entry: LogEntry,
    ) -> None:
        with self._transactions.writing() as connection:
            changed = [_change_copy(connection, one, destination, change) for one in backups]
            if any(changed):
                append_entry(connection, entry)


def _change_copy(
    connection: Connection,
    backup: BackupId,
    destination: DestinationName,
    change: Callable[[Copy], Copy],
) -> bool:
    key = {"backup": backup, "destination": destination}
    query = select(COPIES).filter_by(**key).with_for_update()
    row = connection.execute(query).mappings().first()
    if row is None:
        return False
    before = copy_of(row)
    after = change(before)
    if after == before:
        return False
    values = {**columns_of_copy(after), **prune_columns_of_copy(after)}
    connection.execute(update(COPIES).filter_by(**key).values(**values))
    return True


_PLAIN_COLUMNS = (
    *("backup", "destination", "snapshot_at", "expired_at", "beyond_normal_ageing"),
    *("reason", "pruned_at"),
)


def _row_of_tombstone(stone: Tombstone) -> Row:
    row = {name: getattr(stone, name) for name in _PLAIN_COLUMNS}
    return {**row, "policy": stone.series.policy, "database": stone.series.database}
