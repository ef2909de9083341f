"""What only alerts need to know, in SQL: `orchestrator.ports.outbox`."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import and_, delete, func, select, update

from orchestrator.catalog.sql.outbox.documents import document_of_error, error_of_document
from orchestrator.catalog.sql.rows import series_of
from orchestrator.catalog.sql.tables import BACKUPS, COPIES, SETBACKS, UNCOVERED_TABLES
from orchestrator.catalog.sql.transactions import Transactions, insert_if_new
from orchestrator.model.backup import CopyState
from orchestrator.model.incident import DamagedCopy, SeriesTotals, Setback, UncoveredTables
from orchestrator.model.names import Series


class SqlAlertFacts:
    """Reads and writes facts, each in one transaction."""

    def __init__(self, transactions: Transactions) -> None:
        """Given a way to open transactions on a migrated catalog, go through it."""
        self._transactions = transactions

    # -------------------------------------------------------------- setbacks
    def setbacks(self) -> Sequence[Setback]:
        """Return the actions that failed last time."""
        with self._transactions.reading() as connection:
            found = [
                Setback(
                    series=series_of(row),
                    action=row["action"],
                    about=row["about"],
                    error=error_of_document(row["error"]),
                    since=row["since"],
                )
                for row in connection.execute(select(SETBACKS)).mappings()
            ]
        return sorted(found, key=lambda setback: setback.key)

    def record_setback(self, setback: Setback) -> None:
        """Remember that an action failed."""
        key = _key_of_setback(setback.key)
        error = document_of_error(setback.error)
        with self._transactions.writing() as connection:
            row = {**key, "error": error, "since": setback.since}
            if not insert_if_new(connection, SETBACKS, row):
                connection.execute(update(SETBACKS).filter_by(**key).values(error=error))

    def forget_setbacks(self, keys: Collection[tuple[Series, str, str]]) -> None:
        """Forget setbacks."""
        with self._transactions.writing() as connection:
            for key in keys:
                connection.execute(delete(SETBACKS).filter_by(**_key_of_setback(key)))

    # -------------------------------------------------------------- uncovered tables
    def uncovered_tables(self) -> Sequence[UncoveredTables]:
        """Return the tables that no pattern names."""
        with self._transactions.reading() as connection:
            found = [
                UncoveredTables(
                    series=series_of(row), tables=tuple(row["tables"]), since=row["since"]
                )
                for row in connection.execute(select(UNCOVERED_TABLES)).mappings()
            ]
        return sorted(found, key=lambda uncovered: uncovered.series)

    def record_uncovered(self, uncovered: UncoveredTables) -> None:
        """Remember which tables no pattern names."""
        table, series = UNCOVERED_TABLES, uncovered.series
        key = {"policy": series.policy, "database": series.database}
        names = list(uncovered.tables)
        with self._transactions.writing() as connection:
            if not names:
                connection.execute(delete(table).filter_by(**key))
            elif not insert_if_new(
                connection, table, {**key, "tables": names, "since": uncovered.since}
            ):
                connection.execute(update(table).filter_by(**key).values(tables=names))

    # -------------------------------------------------------------- backups
    def damaged_copies(self) -> Sequence[DamagedCopy]:
        """Return every damaged copy of a listed backup."""
        query = (
            select(
                *(BACKUPS.c.id, BACKUPS.c.policy, BACKUPS.c.database, BACKUPS.c.snapshot_at),
                *(COPIES.c.destination, COPIES.c.verified_at, COPIES.c.trouble),
            )
            .join(COPIES, COPIES.c.backup == BACKUPS.c.id)
            .where(COPIES.c.state == CopyState.DAMAGED, BACKUPS.c.pruned_at.is_(None))
        )
        with self._transactions.reading() as connection:
            rows = connection.execute(query).mappings().all()
        ordered = sorted(
            rows,
            key=lambda row: (series_of(row), row["snapshot_at"], row["id"], row["destination"]),
        )
        return [
            DamagedCopy(
                series=series_of(row),
                backup=row["id"],
                destination=row["destination"],
                found_at=row["verified_at"],
                trouble=row["trouble"] or "",
            )
            for row in ordered
        ]

    def totals(self, *, since: datetime) -> Mapping[Series, SeriesTotals]:
        """Return sums over the backups of every series."""
        columns, is_taken = BACKUPS.c, BACKUPS.c.snapshot_at >= since
        has_complete = (
            select(COPIES.c.backup)
            .where(and_(COPIES.c.backup == columns.id, COPIES.c.state == CopyState.COMPLETE))
            .exists()
        )
        query = (
            select(
                *(columns.policy, columns.database),
                func.count().label("listed"),
                func.count().filter(is_taken).label("taken"),
                func.sum(columns.new_bytes).filter(is_taken).label("new_bytes"),
                func.min(columns.snapshot_at).filter(has_complete).label("oldest"),
            )
            .where(columns.pruned_at.is_(None))
            .group_by(columns.policy, columns.database)
        )
        with self._transactions.reading() as connection:
            rows = connection.execute(query).mappings().all()
        return {
            series_of(row): SeriesTotals(
                series=series_of(row),
                listed=row["listed"],
                taken=row["taken"],
                new_bytes=int(row["new_bytes"] or 0),
                oldest=row["oldest"],
            )
            for row in rows
        }


def _key_of_setback(key: tuple[Series, str, str]) -> dict[str, str]:
    series, action, about = key
    return {
        "policy": series.policy,
        "database": series.database,
        "action": action,
        "about": about,
    }
