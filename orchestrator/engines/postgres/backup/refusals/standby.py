"""How far is a standby behind? Its rows are as old as the last transaction that it replayed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from orchestrator.engines.postgres.backup.tables.relations import Connection
from orchestrator.errors import StandbyBehindError

# The receiver's row can be seen by every role, if only its process id.
_STATE = """
SELECT pg_catalog.pg_is_in_recovery(),
       EXISTS (SELECT FROM pg_catalog.pg_stat_wal_receiver),
       pg_catalog.pg_last_wal_receive_lsn() = pg_catalog.pg_last_wal_replay_lsn(),
       extract(epoch FROM pg_catalog.clock_timestamp()
                          - pg_catalog.pg_last_xact_replay_timestamp())::double precision,
       pg_catalog.current_setting('hot_standby_feedback')
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standby:
    """What a standby says of itself; ``replayed_ago`` is None if it never replayed a transaction."""

    is_receiving: bool
    has_replayed_all: bool
    replayed_ago: timedelta | None
    feedback: bool

    @property
    def lag(self) -> timedelta | None:
        """How old its rows are at most; None if it cannot tell.

        While it receives and has replayed all that came, it is as new as its primary, however long
        nobody wrote anything there. Without a receiver, silence and lag look the same.
        """
        if self.is_receiving and self.has_replayed_all:
            return timedelta(0)
        return self.replayed_ago


def read_standby(connection: Connection) -> Standby | None:
    """Return what the server says of itself if it is a standby, else None."""
    row: Sequence[object] = connection.execute(_STATE.encode()).fetchone() or (False,)
    if not row[0]:
        return None
    _, is_receiving, has_replayed_all, ago, feedback = row
    return Standby(
        is_receiving=bool(is_receiving),
        has_replayed_all=bool(has_replayed_all),
        replayed_ago=None if ago is None else timedelta(seconds=max(float(str(ago)), 0.0)),
        feedback=feedback == "on",
    )


def refuse_lag(standby: Standby | None, *, allowed: timedelta) -> None:
    """Do nothing unless this is a standby that is known to be further behind than allowed.

    Raises:
        StandbyBehindError: with how far.
    """
    lag = None if standby is None else standby.lag
    if lag is not None and lag > allowed:
        raise StandbyBehindError(
            f"the server is a standby that is {lag.total_seconds():.0f} s behind its primary, and"
            f" {allowed.total_seconds():.0f} s are allowed",
            next_step="see why it does not follow (pg_stat_wal_receiver there), name the primary in"
            " source.url, or raise source.max_standby_lag",
        )
