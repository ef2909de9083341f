"""The marks of backups, in SQL: `orchestrator.ports.catalog.Marks`."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, select

from orchestrator.catalog.refusals import unknown_backup
from orchestrator.catalog.sql.rows import belongs_to, mark_of, row_of_mark, series_of
from orchestrator.catalog.sql.tables import BACKUPS, MARKS
from orchestrator.catalog.sql.transactions import Transactions, insert_if_new
from orchestrator.catalog.sql.writing import append_entry
from orchestrator.model.marks import Mark
from orchestrator.model.names import BackupId, Series
from orchestrator.model.run import LogEntry


class SqlMarks:
    """Marks, each step in one transaction."""

    def __init__(self, transactions: Transactions) -> None:
        """Given a way to open transactions on a migrated catalog, keep marks through it."""
        self._transactions = transactions

    def marks(self, backup_id: BackupId) -> Sequence[Mark]:
        """Return every mark of a backup, oldest first."""
        with self._transactions.reading() as connection:
            return marks_of(connection, backup_id)

    def record_mark(self, backup_id: BackupId, mark: Mark, entry: LogEntry) -> None:
        """Remember a mark of a backup.

        Raises:
            CatalogError: the catalog does not list the backup.
        """
        with self._transactions.writing() as connection:
            # Locked, so that nobody forgets the backup between the question and the answer.
            query = select(BACKUPS).where(BACKUPS.c.id == backup_id).with_for_update()
            backup = connection.execute(query).mappings().first()
            if backup is None:
                raise unknown_backup(backup_id)
            if insert_if_new(connection, MARKS, row_of_mark(backup_id, series_of(backup), mark)):
                append_entry(connection, entry)


def marks_of(connection: Connection, backup_id: BackupId) -> Sequence[Mark]:
    """Return every mark of a backup, oldest first."""
    query = select(MARKS).where(MARKS.c.backup == backup_id)
    marks = [mark_of(row) for row in connection.execute(query).mappings()]
    return sorted(marks, key=lambda mark: (mark.at, mark.name))


def marks_by_backup(
    connection: Connection, series: Sequence[Series] | None
) -> Mapping[BackupId, Sequence[Mark]]:
    """Return the marks of all backups that have any, of some series or of all, in one query."""
    query = select(MARKS)
    if series is not None:
        query = query.where(belongs_to(MARKS, series))
    found: dict[BackupId, list[Mark]] = {}
    for row in connection.execute(query).mappings():
        found.setdefault(row["backup"], []).append(mark_of(row))
    return found
