"""The reading half of the catalog in SQL: `orchestrator.ports.catalog.CatalogReader`."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, and_, func, select

from orchestrator.catalog.sql import tables
from orchestrator.catalog.sql.marking import marks_by_backup, marks_of
from orchestrator.catalog.sql.rows import (
    backup_of,
    belongs_to,
    copy_of,
    lease_of,
    log_entry_of,
    run_of,
    schedule_of,
    series_of,
    series_record_of,
)
from orchestrator.catalog.sql.transactions import Transactions
from orchestrator.model.backup import Backup
from orchestrator.model.lease import Lease
from orchestrator.model.names import BackupId, DestinationName, Series
from orchestrator.model.policy import Revision
from orchestrator.model.run import CLOCK, LogAction, LogEntry, Run
from orchestrator.ports.catalog import AppliedSchedule, SeriesRecord

_COPY_COLUMNS = (
    *("destination", "state", "level", "verified_at", "damage_level", "trouble"),
    *("expired_at", "beyond_normal_ageing", "prune_refused_at"),
)
_BACKUPS = tables.BACKUPS.c
_RUNS = tables.RUNS.c


class SqlReader:
    """Reads, each in one transaction that sees one moment."""

    def __init__(self, transactions: Transactions) -> None:
        """Given a way to open transactions on a migrated catalog, read through it."""
        self._transactions = transactions

    def backups(self, series: Series | None = None) -> Sequence[Backup]:
        """Return backups, oldest snapshot first; two queries whatever their number."""
        with self._transactions.reading() as connection:
            if series is None:
                return list_backups(connection)
            return list_backups(connection, belongs_to(tables.BACKUPS, [series]), of=[series])

    def backup(self, backup_id: BackupId) -> Backup | None:
        """Return one backup, or None."""
        query = _backups_with_copies().where(_BACKUPS.id == backup_id)
        with self._transactions.reading() as connection:
            backup = next(_grouped(connection.execute(query).mappings()), None)
            return backup and backup.marked(marks_of(connection, backup_id))

    def runs(self, series: Series | None = None, *, since: datetime | None = None) -> Sequence[Run]:
        """Return attempts, oldest first."""
        query = select(tables.RUNS).order_by(_RUNS.started_at, _RUNS.id)
        if series is not None:
            query = query.where(_RUNS.policy == series.policy, _RUNS.database == series.database)
        if since is not None:
            query = query.where(_RUNS.started_at >= since)
        with self._transactions.reading() as connection:
            return [run_of(row) for row in connection.execute(query).mappings()]

    def leases(self) -> Sequence[Lease]:
        """Return the leases that are held, by policy and database."""
        query = select(tables.LEASES).where(~tables.LEASES.c.released)
        with self._transactions.reading() as connection:
            held = [lease_of(row) for row in connection.execute(query).mappings()]
        return sorted(held, key=lambda lease: lease.series)

    def series_records(self) -> Sequence[SeriesRecord]:
        """Return every series, by policy and database."""
        with self._transactions.reading() as connection:
            rows = connection.execute(select(tables.SERIES)).mappings()
            # Sorted here: the order of texts in a server depends on its locale.
            return sorted(map(series_record_of, rows), key=lambda record: record.series)

    def rebuilt_series(self) -> Mapping[Series, datetime]:
        """Return the series that were rebuilt and not acknowledged since, and when."""
        with self._transactions.reading() as connection:
            rows = connection.execute(select(tables.REBUILT_SERIES)).mappings()
            return {series_of(row): row["at"] for row in rows}

    def destination_marker(self, name: DestinationName) -> str | None:
        """Return the marker remembered for a destination, or None."""
        columns = tables.DESTINATIONS.c
        with self._transactions.reading() as connection:
            return connection.execute(select(columns.marker).where(columns.name == name)).scalar()

    def applied(self) -> tuple[Revision | None, Sequence[AppliedSchedule]]:
        """Return the revision in force and its schedules, in the order they were given."""
        schedules = select(tables.APPLIED_SCHEDULES).order_by(tables.APPLIED_SCHEDULES.c.position)
        with self._transactions.reading() as connection:
            row = connection.execute(select(tables.APPLIED_REVISION)).mappings().first()
            listed = [schedule_of(found) for found in connection.execute(schedules).mappings()]
        if row is None:
            return None, listed
        return Revision(digest=row["digest"], git_commit=row["git_commit"]), listed

    def log(self, *, since: datetime | None = None) -> Sequence[LogEntry]:
        """Return the log, oldest first; entries of one instant in the order they were written."""
        columns = tables.LOG.c
        query = select(tables.LOG).order_by(columns.at, columns.number)
        if since is not None:
            query = query.where(columns.at >= since)
        with self._transactions.reading() as connection:
            return [log_entry_of(row) for row in connection.execute(query).mappings()]

    def clock_ahead(self, *, since: datetime) -> datetime | None:
        """Return the latest time in the log, written since the clock was last acknowledged."""
        log = tables.LOG.c
        acknowledged = select(func.max(log.number)).where(
            log.action == LogAction.ACKNOWLEDGE, log.subject == CLOCK
        )
        with self._transactions.reading() as connection:
            # Nearly always there is nothing, and the log is not searched for more.
            if connection.execute(select(log.at).where(log.at >= since).limit(1)).first() is None:
                return None
            number = connection.execute(acknowledged).scalar() or 0
            latest = select(func.max(log.at)).where(log.at >= since, log.number >= number)
            return connection.execute(latest).scalar()


def list_backups(
    connection: Connection, *conditions: ColumnElement[bool], of: Sequence[Series] | None = None
) -> Sequence[Backup]:
    """Return the backups that fulfil conditions, oldest snapshot first; ``of`` says whose they are."""
    query = _backups_with_copies().where(*conditions)
    listed = list(_grouped(connection.execute(query).mappings()))
    marks = marks_by_backup(connection, of)
    return [b.marked(marks[b.id]) if b.id in marks else b for b in listed]


def _backups_with_copies() -> Select[*tuple[object, ...]]:
    copies = tables.COPIES
    on_backup: ColumnElement[bool] = and_(copies.c.backup == _BACKUPS.id)
    return (
        select(
            tables.BACKUPS,
            *(copies.c[name].label(f"copy_{name}") for name in _COPY_COLUMNS),
        )
        .outerjoin(copies, on_backup)
        .where(_BACKUPS.pruned_at.is_(None))
        .order_by(_BACKUPS.snapshot_at, _BACKUPS.id, copies.c.position)
    )


def _grouped(rows: Iterable[RowMapping]) -> Iterator[Backup]:
    for _, group in groupby(rows, key=lambda row: row["id"]):
        listed = list(group)
        copies = [
            copy_of({name: row[f"copy_{name}"] for name in _COPY_COLUMNS})
            for row in listed
            if row["copy_destination"] is not None
        ]
        yield backup_of(listed[0], copies)
