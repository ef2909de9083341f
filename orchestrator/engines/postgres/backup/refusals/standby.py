"""How far is a standby behind? Whoever cannot tell is taken for one that is too far behind."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import psycopg

from orchestrator.engines.postgres.backup.tables.relations import Connection
from orchestrator.engines.postgres.identifiers import quote_identifier
from orchestrator.errors import StandbyBehindError

# Of the receiver's row, roles without pg_read_all_stats see the process id alone. What it received
# is not all there is: the end of the primary's log, as of the last message, may be ahead of that.
_STATE = """
SELECT current_user,
       w.pid IS NOT NULL AND coalesce(w.status, 'streaming') = 'streaming',
       extract(epoch FROM pg_catalog.clock_timestamp() - w.last_msg_receipt_time)
         ::double precision,
       greatest(w.latest_end_lsn, pg_catalog.pg_last_wal_receive_lsn())
         <= pg_catalog.pg_last_wal_replay_lsn(),
       extract(epoch FROM pg_catalog.clock_timestamp()
                          - pg_catalog.pg_last_xact_replay_timestamp())::double precision,
       pg_catalog.current_setting('hot_standby_feedback') = 'on',
       (SELECT s.setting::double precision / 1000 FROM pg_catalog.pg_settings s
        WHERE s.name = 'wal_receiver_timeout')
"""
_RECEIVER = """
FROM (VALUES (1)) AS always (there) LEFT JOIN pg_catalog.pg_stat_wal_receiver w ON true
"""
# What the view shows to roles without pg_read_all_stats, for those that may not read it at all:
# whether there is a receiver cannot be told, and silence is judged by what was replayed.
_HIDDEN = """
FROM (VALUES (0, NULL::text, NULL::timestamptz, NULL::pg_lsn))
  AS w (pid, status, last_msg_receipt_time, latest_end_lsn)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standby:
    """What a standby says of itself to ``role``.

    ``heard_ago`` is the age of the last message from where it receives; None if the role may not
    see it, or if nothing is received. ``replayed_ago`` is the age of the last transaction that it
    replayed; None if there was none since it started. While its primary is silent the receiver asks
    for a sign of life after half of ``receiver_timeout``; zero never asks. If ``is_refused``, the
    role may not read the receiver's view at all, and it is taken for one that receives.
    """

    role: str
    is_receiving: bool
    heard_ago: timedelta | None
    has_replayed_all: bool
    replayed_ago: timedelta | None
    feedback: bool
    receiver_timeout: timedelta
    is_refused: bool = False

    @property
    def is_hidden(self) -> bool:
        """Whether it receives, but the role may not see when it heard of its primary."""
        return self.is_receiving and self.heard_ago is None

    @property
    def lag(self) -> timedelta | None:
        """How old its rows are at most; None if it cannot tell.

        They are as new as the last transaction that it replayed. If it has replayed all that its
        primary had at the last message, they are as new as that message, however long nobody wrote
        anything there. Without messages, silence and lag look the same.
        """
        known = [self.replayed_ago]
        if self.is_receiving and self.has_replayed_all:
            known.append(self.heard_ago)
        return min((age for age in known if age is not None), default=None)

    def is_asking_too_late(self, allowed: timedelta) -> bool:
        """Whether a healthy standby of a primary that is quiet would be taken for one behind."""
        return not timedelta(0) < self.receiver_timeout <= 2 * allowed

    def grant(self) -> str:
        """Return the SQL that lets the role see the receiver."""
        role = quote_identifier(self.role)
        see = f"GRANT pg_read_all_stats TO {role};"
        if not self.is_refused:
            return see
        return (
            f"{see} GRANT SELECT ON pg_catalog.pg_stat_wal_receiver TO {role};"
            f" GRANT EXECUTE ON FUNCTION pg_catalog.pg_stat_get_wal_receiver() TO {role};"
        )


def read_standby(connection: Connection) -> Standby | None:
    """Return what the server says of itself if it is a standby, else None."""
    # A primary is not asked about a receiver: some services revoke that view.
    if connection.execute("SELECT pg_catalog.pg_is_in_recovery()").fetchone() != (True,):
        return None
    try:
        # A savepoint: a refusal must not end the transaction.
        with connection.transaction():
            return _standby(_read_state(connection, _RECEIVER))
    except psycopg.errors.InsufficientPrivilege:
        return replace(_standby(_read_state(connection, _HIDDEN)), is_refused=True)


def _read_state(connection: Connection, receiver: str) -> Sequence[object]:
    (row,) = connection.execute((_STATE + receiver).encode()).fetchall()
    return row


def _standby(row: Sequence[object]) -> Standby:
    role, is_receiving, heard, has_replayed_all, replayed, feedback, timeout = row
    return Standby(
        role=str(role),
        is_receiving=bool(is_receiving),
        heard_ago=_age(heard) if is_receiving else None,
        has_replayed_all=bool(has_replayed_all),
        replayed_ago=_age(replayed),
        feedback=bool(feedback),
        receiver_timeout=_age(timeout) or timedelta(0),
    )


def _age(seconds: object) -> timedelta | None:
    return None if seconds is None else timedelta(seconds=max(float(str(seconds)), 0.0))


def refuse_lag(standby: Standby | None, *, allowed: timedelta) -> None:
    """Do nothing unless this is a standby that is further behind than allowed, or may be.

    Raises:
        StandbyBehindError: with how far, or why that cannot be told.
    """
    if standby is None:
        return
    lag = standby.lag
    if lag is not None and lag <= allowed:
        return
    how_far = (
        "cannot tell how far it is behind its primary"
        if lag is None
        else f"may be {lag.total_seconds():.0f} s behind its primary"
    )
    raise StandbyBehindError(
        f"the server is a standby that {how_far} ({_say_why(standby)}), and"
        f" {allowed.total_seconds():.0f} s are allowed",
        next_step=_next_step(standby, allowed),
    )


def caution_of(standby: Standby | None) -> tuple[str, ...]:
    """Return, in words, what is wrong with a standby that is not refused yet; or nothing."""
    if standby is None or standby.is_receiving:
        return ()
    lag = standby.lag
    age = "" if lag is None else f", and may be {lag.total_seconds():.0f} s old already"
    words = "the server is a standby that receives nothing from its primary: its rows get older"
    return (f"{words}{age}; see its log and primary_conninfo",)


def _say_why(standby: Standby) -> str:
    if not standby.is_receiving:
        return "it receives nothing from there"
    if not standby.has_replayed_all:
        return "it has not replayed all that it received"
    if standby.is_hidden:
        return f"{standby.role!r} may not see when it heard from there"
    return "nothing has come from there since"


def _next_step(standby: Standby, allowed: timedelta) -> str:
    otherwise = "name the primary in source.url, or raise source.max_standby_lag"
    if standby.is_hidden:
        return (
            "if only nobody wrote at the primary, let the role see that; as a superuser there:"
            f" {standby.grant()} Otherwise {otherwise}"
        )
    if standby.is_receiving and standby.has_replayed_all and standby.is_asking_too_late(allowed):
        milliseconds = max(round(allowed.total_seconds() * 1000), 1)
        return (
            "let the standby ask a quiet primary for a sign of life more often; there:"
            f" ALTER SYSTEM SET wal_receiver_timeout = '{milliseconds}ms';"
            f" SELECT pg_reload_conf(); Otherwise {otherwise}"
        )
    return (
        "see why it does not follow: its log, primary_conninfo, and pg_stat_wal_receiver there;"
        f" {otherwise}"
    )
