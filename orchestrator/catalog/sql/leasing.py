"""One writer per series, in SQL: `orchestrator.ports.catalog.Leases`.

A take-over is one UPDATE that names the fence it takes over from. The database lets one of two
such updates through and shows the other the new fence, so exactly one caller gets the lease.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import (
    ColumnElement,
    Connection,
    ScalarSelect,
    and_,
    case,
    func,
    or_,
    select,
    update,
)

from orchestrator.catalog.refusals import lease_lost, series_locked
from orchestrator.catalog.sql.columns import require_utc
from orchestrator.catalog.sql.rows import lease_of, row_of_lease
from orchestrator.catalog.sql.tables import BACKUPS, LEASES
from orchestrator.catalog.sql.transactions import Transactions, insert_if_new
from orchestrator.model.lease import Lease
from orchestrator.model.names import RunId, Series
from orchestrator.model.run import Actor


class SqlLeases:
    """Leases, each step in one transaction."""

    def __init__(self, transactions: Transactions) -> None:
        """Given a way to open transactions on a migrated catalog, keep leases through it."""
        self._transactions = transactions

    def acquire(
        self,
        series: Series,
        run: RunId,
        *,
        holder: Actor,
        now: datetime,
        duration: timedelta,
        taking_over: Lease | None = None,
    ) -> Lease:
        """Take the lease of a series, under a new fence.

        Raises:
            SeriesLockedError: somebody else holds it.
        """
        ends = require_utc(now) + duration
        with self._transactions.writing() as connection:
            above = connection.execute(select(_highest_of_backups(series))).scalar_one()
            wanted = Lease(series=series, run=run, holder=holder, fence=above + 1, expires_at=ends)
            if insert_if_new(connection, LEASES, row_of_lease(wanted)):
                return wanted
            fence = _replace_holder(connection, wanted, taking_over)
            if fence is None:
                raise series_locked(_current(connection, series), now=now)
            return replace(wanted, fence=fence)

    def renew(self, lease: Lease, *, now: datetime, duration: timedelta) -> Lease:
        """Extend a lease that is still ours.

        Raises:
            LeaseLostError: it is not.
        """
        renewed = replace(lease, expires_at=require_utc(now) + duration)
        extending = update(LEASES).where(_is_ours(lease)).values(expires_at=renewed.expires_at)
        with self._transactions.writing() as connection:
            if not connection.execute(extending).rowcount:
                raise lease_lost(lease, "it was released, or another run took over")
        return renewed

    def check(self, lease: Lease, *, now: datetime) -> None:
        """Do nothing if the lease is ours and its time has not passed.

        Raises:
            LeaseLostError: otherwise.
        """
        with self._transactions.reading() as connection:
            ends = connection.execute(select(LEASES.c.expires_at).where(_is_ours(lease))).scalar()
        if ends is None:
            raise lease_lost(lease, "it was released, or another run took over")
        if now >= ends:
            raise lease_lost(lease, f"its time passed at {ends:%Y-%m-%dT%H:%M:%SZ}")

    def release(self, lease: Lease) -> None:
        """Give the lease back, if it is still ours."""
        with self._transactions.writing() as connection:
            connection.execute(update(LEASES).where(_is_ours(lease)).values(released=True))


def _replace_holder(connection: Connection, wanted: Lease, taking_over: Lease | None) -> int | None:
    may_be_taken: ColumnElement[bool] = LEASES.c.released
    if taking_over is not None:
        may_be_taken = or_(may_be_taken, LEASES.c.fence == taking_over.fence)
    above = _highest_of_backups(wanted.series)
    highest = case((LEASES.c.fence >= above, LEASES.c.fence), else_=above)
    row = {**row_of_lease(wanted), "fence": highest + 1}
    taking = (
        update(LEASES)
        .where(_of_series(wanted.series), may_be_taken)
        .values(**row)
        .returning(LEASES.c.fence)
    )
    return connection.execute(taking).scalar()


def _highest_of_backups(series: Series) -> ScalarSelect[int]:
    """The highest fence of the recorded backups of a series, 0 without any."""
    of_series = and_(BACKUPS.c.policy == series.policy, BACKUPS.c.database == series.database)
    highest = func.coalesce(func.max(BACKUPS.c.fence), 0)
    return select(highest).where(of_series).scalar_subquery()


def _current(connection: Connection, series: Series) -> Lease:
    row = connection.execute(select(LEASES).where(_of_series(series))).mappings().one()
    return lease_of(row)


def _of_series(series: Series) -> ColumnElement[bool]:
    return and_(LEASES.c.policy == series.policy, LEASES.c.database == series.database)


def _is_ours(lease: Lease) -> ColumnElement[bool]:
    return and_(_of_series(lease.series), LEASES.c.fence == lease.fence, ~LEASES.c.released)
