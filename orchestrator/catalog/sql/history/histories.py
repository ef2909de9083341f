"""The past of series in SQL: `orchestrator.ports.history.HistoryReader`.

This is where a pass spends its time when a catalog is large, so it asks few questions about many
series, and makes of a row no more than what decides.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import chain, groupby, takewhile
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Result, String, func, select, text, type_coerce

from orchestrator.catalog.sql import tables
from orchestrator.catalog.sql.marking import marks_by_backup
from orchestrator.catalog.sql.reading import list_backups
from orchestrator.catalog.sql.rows import belongs_to, run_of, series_of
from orchestrator.catalog.sql.transactions import Transactions
from orchestrator.model.backup import Backup, BackupOutline, CopyOutline, CopyState, Trigger
from orchestrator.model.names import BackupId, DestinationName, Series
from orchestrator.model.run import Run, RunState
from orchestrator.model.verification import Level
from orchestrator.ports.history import SeriesHistory

_BACKUPS, _COPIES, _RUNS = tables.BACKUPS.c, tables.COPIES.c, tables.RUNS.c
_BROKEN_OFF = frozenset({RunState.FAILED, RunState.INTERRUPTED})
_HAS_ENDED = _RUNS.state != RunState.RUNNING
_SERIES = itemgetter(0, 1)

ROWS_AT_A_TIME = 256


class SqlHistories:
    """Reads the past of many series, in one transaction that sees one moment."""

    def __init__(self, transactions: Transactions) -> None:
        """Given a way to open transactions on a migrated catalog, read through it."""
        self._transactions = transactions

    def histories(self, series: Sequence[Series]) -> Mapping[Series, SeriesHistory]:
        """Return the history of each of these series."""
        with self._transactions.reading() as connection:
            backups = _read_outlines(connection, series)
            ahead = _read_clocks(connection, backups)
            ends = _read_ends(connection, series)
            failures = {
                one: _read_failures(connection, one)
                for one, (_, newest) in ends.items()
                if newest in _BROKEN_OFF
            }
        return {
            one: SeriesHistory(
                backups=backups.get(one, ()),
                server_ahead=ahead.get(one),
                failures=failures.get(one, ()),
                broken_off_at=ends[one][0] if one in ends else None,
            )
            for one in series
        }

    def backups_named(self, ids: Sequence[BackupId]) -> Mapping[BackupId, Backup]:
        """Return those of these backups that are listed."""
        with self._transactions.reading() as connection:
            return {one.id: one for one in list_backups(connection, _BACKUPS.id.in_(ids))}


# ------------------------------------------------------------------ backups
def _read_outlines(
    connection: Connection, series: Sequence[Series]
) -> Mapping[Series, tuple[BackupOutline, ...]]:
    query = (
        select(
            *(_BACKUPS.policy, _BACKUPS.database, _BACKUPS.id),
            *(_BACKUPS.snapshot_at, _BACKUPS.finished_at, _BACKUPS.sequence),
            type_coerce(_BACKUPS.trigger, String),
        )
        .where(belongs_to(tables.BACKUPS, series), _BACKUPS.pruned_at.is_(None))
        .order_by(_BACKUPS.policy, _BACKUPS.database, _BACKUPS.snapshot_at, _BACKUPS.id)
    )
    copies, marks = _read_copies(connection, series), marks_by_backup(connection, series)
    rows = _stream(connection.execute(query))
    outlines: dict[Series, tuple[BackupOutline, ...]] = {}
    for (policy, database), group in groupby(rows, key=_SERIES):
        one = Series(policy, database)
        listed = (
            BackupOutline(
                id=backup,
                series=one,
                snapshot_at=snapshot_at,
                finished_at=finished_at,
                sequence=sequence,
                copies=copies.get(backup, ()),
                outlined_as_safety_copy=trigger == Trigger.BEFORE_RESTORE.value,
            )
            for _, _, backup, snapshot_at, finished_at, sequence, trigger in group
        )
        outlines[one] = tuple(
            backup.marked(marks[backup.id]) if backup.id in marks else backup for backup in listed
        )
    return outlines


def _read_copies(
    connection: Connection, series: Sequence[Series]
) -> Mapping[BackupId, tuple[CopyOutline, ...]]:
    """Return the copies by backup. They are not joined: each table is read in its own order."""
    query = (
        select(
            *(_COPIES.backup, _COPIES.destination, type_coerce(_COPIES.state, String)),
            *(_COPIES.level, _COPIES.expired_at),
            *(_COPIES.beyond_normal_ageing, _COPIES.prune_refused_at),
        )
        .where(belongs_to(tables.COPIES, series))
        .order_by(_COPIES.policy, _COPIES.database, _COPIES.backup, _COPIES.position)
    )
    found: dict[BackupId, tuple[CopyOutline, ...]] = {}
    for backup, *copy in _stream(connection.execute(query)):
        found[backup] = (*found.get(backup, ()), _copy_of(*copy))
    return found


def _stream(result: Result[*tuple[Any, ...]]) -> Iterable[Sequence[Any]]:
    """Yield rows without keeping them: what lives long is looked at again by every collection."""
    return chain.from_iterable(result.partitions(ROWS_AT_A_TIME))


@lru_cache(maxsize=1024)  # Most copies of a large catalog are equal, and share one value.
def _copy_of(
    destination: DestinationName,
    state: str,
    level: int | None,
    *pruning: Any,  # noqa: ANN401 - the last three columns, as they are
) -> CopyOutline:
    expired_at, beyond_normal_ageing, prune_refused_at = pruning
    return CopyOutline(
        destination=destination,
        state=CopyState(state),
        level=None if level is None else Level(level),
        expired_at=expired_at,
        beyond_normal_ageing=beyond_normal_ageing,
        prune_refused_at=prune_refused_at,
    )


def _read_clocks(
    connection: Connection, backups: Mapping[Series, Sequence[BackupOutline]]
) -> Mapping[Series, timedelta | None]:
    """Return, by series, how far the database's clock was ahead at the backup taken last."""
    newest = [max(listed, key=lambda one: one.sequence).id for listed in backups.values()]
    query = (
        select(_BACKUPS.policy, _BACKUPS.database, _RUNS.server_ahead)
        .join_from(tables.BACKUPS, tables.RUNS, _RUNS.id == _BACKUPS.run)
        .where(_BACKUPS.id.in_(newest))
    )
    return {series_of(row): row["server_ahead"] for row in connection.execute(query).mappings()}


# ------------------------------------------------------------------ attempts
def _read_ends(
    connection: Connection, series: Sequence[Series]
) -> Mapping[Series, tuple[datetime, RunState]]:
    """Return when an attempt last broke off, and how the newest ended, where any broke off."""
    broken = (
        select(
            _RUNS.policy,
            _RUNS.database,
            func.max(func.coalesce(_RUNS.finished_at, _RUNS.started_at)).label("at"),
        )
        .where(belongs_to(tables.RUNS, series), text(tables.BROKEN_OFF))
        .group_by(_RUNS.policy, _RUNS.database)
        .subquery()
    )
    newest = (
        select(_RUNS.state)
        .where(_RUNS.policy == broken.c.policy, _RUNS.database == broken.c.database, _HAS_ENDED)
        .order_by(_RUNS.started_at.desc(), _RUNS.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    query = select(broken, newest.label("newest"))
    rows = connection.execute(query).mappings()
    return {series_of(row): (row["at"], row["newest"]) for row in rows}


def _read_failures(connection: Connection, series: Series) -> tuple[Run, ...]:
    query = (
        select(tables.RUNS)
        .where(belongs_to(tables.RUNS, [series]), _HAS_ENDED)
        .order_by(_RUNS.started_at.desc(), _RUNS.id.desc())
    )
    with connection.execute(query) as found:
        runs = map(run_of, found.mappings())
        return tuple(takewhile(lambda run: run.state in _BROKEN_OFF, runs))[::-1]
