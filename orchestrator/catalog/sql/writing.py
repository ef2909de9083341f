"""The writing half of the catalog in SQL: `orchestrator.ports.catalog.CatalogWriter`.

Each method commits what happened and its log entry together. When the outcome of a commit is
unknown (the connection broke), the same call again is safe: ids and the log's ``identity`` tell
what is there already.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, Table, delete, insert, select, update

from orchestrator.catalog.evidence import copy_after
from orchestrator.catalog.refusals import identifier_taken, unknown_copy, unknown_run
from orchestrator.catalog.sql import tables
from orchestrator.catalog.sql.rows import (
    Row,
    columns_of_copy,
    columns_of_result,
    copy_of,
    row_of_backup,
    row_of_log_entry,
    row_of_mark,
    row_of_run,
    rows_of_copies,
    series_of,
)
from orchestrator.catalog.sql.transactions import Transactions, insert_if_new
from orchestrator.model.backup import Backup
from orchestrator.model.names import DestinationName, RunId, Series
from orchestrator.model.run import LogEntry, Run, RunResult, RunState
from orchestrator.model.verification import Verification
from orchestrator.ports.catalog import SeriesRecord


class SqlWriter:
    """Writes, each in one transaction."""

    def __init__(self, transactions: Transactions) -> None:
        """Given a way to open transactions on a migrated catalog, write through it."""
        self._transactions = transactions

    def record_destination(self, name: DestinationName, marker: str) -> None:
        """Remember a destination's marker."""
        table = tables.DESTINATIONS
        with self._transactions.writing() as connection:
            if not insert_if_new(connection, table, {"name": name, "marker": marker}):
                connection.execute(update(table).where(table.c.name == name).values(marker=marker))

    def record_series(self, record: SeriesRecord) -> None:
        """Remember a series, or add to what is known of its tables."""
        table = tables.SERIES
        key = {"policy": record.series.policy, "database": record.series.database}
        blocks = dict(record.blocks_per_chunk)
        row = {**key, "path": record.path, "blocks_per_chunk": blocks}
        with self._transactions.writing() as connection:
            if insert_if_new(connection, table, row):
                return
            query = select(table.c.blocks_per_chunk).filter_by(**key).with_for_update()
            known = connection.execute(query).scalar_one()
            connection.execute(
                update(table).filter_by(**key).values(blocks_per_chunk={**known, **blocks})
            )

    def record_run_started(self, run: Run, entry: LogEntry) -> None:
        """Remember an attempt.

        Raises:
            CatalogError: an attempt of another series has its id.
        """
        with self._transactions.writing() as connection:
            if _insert_of_series(connection, tables.RUNS, row_of_run(run)):
                append_entry(connection, entry)

    def record_run_finished(
        self, run: RunId, *, result: RunResult, at: datetime, entry: LogEntry
    ) -> None:
        """Close an attempt, once.

        Raises:
            CatalogError: no such attempt was started.
        """
        table = tables.RUNS
        closing = (
            update(table)
            .where(table.c.id == run, table.c.state == RunState.RUNNING)
            .values(**columns_of_result(result, at))
        )
        with self._transactions.writing() as connection:
            if connection.execute(closing).rowcount:
                append_entry(connection, entry)
            elif connection.execute(select(table.c.id).where(table.c.id == run)).first() is None:
                raise unknown_run(run)

    def record_backup(self, backup: Backup, entry: LogEntry) -> None:
        """Remember a backup and its copies.

        Raises:
            CatalogError: a backup of another series has its id.
        """
        with self._transactions.writing() as connection:
            if _insert_backup(connection, backup):
                append_entry(connection, entry)

    def record_found(self, series: Series, found: Sequence[Backup], entry: LogEntry) -> None:
        """Remember backups and copies that are new, and hold the pruning of their series.

        Raises:
            CatalogError: a backup of another series has the id of one.
        """
        with self._transactions.writing() as connection:
            new = [backup for backup in found if _merge(connection, backup)]
            if new:
                append_entry(connection, entry)
                _mark_rebuilt(connection, series, entry.at)

    def acknowledge_rebuild(self, series: Series, entry: LogEntry) -> None:
        """Let a rebuilt series be pruned again; one that was not rebuilt stays as it is."""
        table = tables.REBUILT_SERIES
        key = {"policy": series.policy, "database": series.database}
        with self._transactions.writing() as connection:
            if connection.execute(delete(table).filter_by(**key)).rowcount:
                append_entry(connection, entry)

    def record_verification(self, verification: Verification, entry: LogEntry) -> None:
        """Keep the result with the copy.

        Raises:
            CatalogError: the catalog lists no such copy.
        """
        table = tables.COPIES
        key = {"backup": verification.backup, "destination": verification.destination}
        with self._transactions.writing() as connection:
            query = select(table).filter_by(**key).with_for_update()
            row = connection.execute(query).mappings().first()
            if row is None:
                raise unknown_copy(verification)
            known = columns_of_copy(copy_after(copy_of(row), verification))
            connection.execute(update(table).filter_by(**key).values(**known))
            append_entry(connection, entry)

    def append_log(self, entry: LogEntry) -> None:
        """Append an entry; the very same entry again changes nothing."""
        with self._transactions.writing() as connection:
            append_entry(connection, entry)


def append_entry(connection: Connection, entry: LogEntry) -> None:
    """Append an entry to the log in a transaction that changes more; once, however often."""
    insert_if_new(connection, tables.LOG, row_of_log_entry(entry))


def _insert_of_series(connection: Connection, table: Table, row: Row) -> bool:
    """Insert a row unless its id is there; an id that means another series is never ignored."""
    if insert_if_new(connection, table, row):
        return True
    known = connection.execute(select(table).where(table.c.id == row["id"])).mappings().one()
    if series_of(known) != series_of(row):
        raise identifier_taken(row["id"], by=series_of(known), wanted=series_of(row))
    return False


def _insert_backup(connection: Connection, backup: Backup) -> bool:
    """Insert a backup with its copies and marks, unless it is there, and return whether it was new."""
    if not _insert_of_series(connection, tables.BACKUPS, row_of_backup(backup)):
        return False
    if backup.copies:
        connection.execute(insert(tables.COPIES), rows_of_copies(backup))
    if backup.marks:
        marks = [row_of_mark(backup.id, backup.series, mark) for mark in backup.marks]
        connection.execute(insert(tables.MARKS), marks)
    return True


def _merge(connection: Connection, backup: Backup) -> bool:
    """Record what is new of a backup, and return whether anything was."""
    if _insert_backup(connection, backup):
        return True
    columns = tables.COPIES.c
    query = select(columns.destination).where(columns.backup == backup.id)
    listed = set(connection.execute(query).scalars())
    new = [copy for copy in rows_of_copies(backup) if copy["destination"] not in listed]
    for position, copy in enumerate(new, start=len(listed)):
        connection.execute(insert(tables.COPIES).values(**{**copy, "position": position}))
    if new:
        # One that was pruned everywhere has come back, as from an older image of a disk.
        of_backup = tables.BACKUPS.c.id == backup.id
        connection.execute(update(tables.BACKUPS).where(of_backup).values(pruned_at=None))
    return bool(new)


def _mark_rebuilt(connection: Connection, series: Series, at: datetime) -> None:
    table = tables.REBUILT_SERIES
    key = {"policy": series.policy, "database": series.database}
    if not insert_if_new(connection, table, {**key, "at": at}):
        connection.execute(update(table).filter_by(**key).values(at=at))
