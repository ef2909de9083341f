"""Where the server stands in its write-ahead log: what tells a node that is behind (fault F41)."""

import re
from dataclasses import replace
from datetime import datetime

import psycopg

from orchestrator.engines.postgres.backup.tables.relations import Connection
from orchestrator.model.contents import TimelineEnd, WalPosition

# What is flushed survives a crash, and is sent to standbys; what is only inserted is neither. It
# also is the end of a record, as a standby counts, where the next insert begins behind a header.
_PRIMARY = """
SELECT (l.flushed - '0/0')::bigint, pg_catalog.pg_walfile_name(l.flushed),
       (pg_catalog.pg_last_wal_replay_lsn() - '0/0')::bigint
FROM (SELECT pg_catalog.pg_current_wal_flush_lsn() AS flushed) l
"""
# pg_control_checkpoint() would name the timeline of the last restartpoint, which may be long ago.
_STANDBY = """
SELECT (pg_catalog.pg_last_wal_replay_lsn() - '0/0')::bigint, pg_catalog.pg_last_xact_replay_timestamp(),
       (SELECT w.received_tli FROM pg_catalog.pg_stat_wal_receiver w WHERE w.status = 'streaming')
"""
_MAY_READ_FILES = """
SELECT pg_catalog.has_function_privilege(
  'pg_catalog.pg_read_file(text, bigint, bigint, boolean)', 'EXECUTE')
"""
_END = re.compile(r"\s*(\d+)\s+([0-9A-Fa-f]{1,8})/([0-9A-Fa-f]{1,8})\b")
_HISTORY = "SELECT pg_catalog.pg_read_file(%s, 0, 1048576, true)"

# SQLSTATE classes (PostgreSQL's documentation, appendix A): insufficient resources, and operator
# intervention. Those are trouble of the server or of the run, and no answer to the question.
_TROUBLE = ("53", "57")


def read_wal_position(connection: Connection, *, in_recovery: bool) -> WalPosition | None:
    """Return where the server stands now, or None if it does not tell.

    To be read after the snapshot was taken: what the snapshot shows lies before the position.

    Raises:
        psycopg.DatabaseError: if the connection broke, or the server is in trouble.
    """
    try:
        # A savepoint: whatever is refused here must not end the transaction.
        with connection.transaction():
            found = _of_standby(connection) if in_recovery else _of_primary(connection)
    except psycopg.DatabaseError as error:
        _raise_trouble(connection, error)
        return None
    if found is None or found.timeline is None:
        return found
    return replace(found, history=_history_of(connection, found.timeline))


def _of_primary(connection: Connection) -> WalPosition | None:
    flushed, file, recovered_to = connection.execute(_PRIMARY).fetchone() or (None, None, None)
    if not isinstance(flushed, int) or file is None:
        return None
    return WalPosition(
        position=flushed,
        timeline=int(str(file)[:8], 16),
        recovered_to=recovered_to if isinstance(recovered_to, int) else None,
    )


def _of_standby(connection: Connection) -> WalPosition | None:
    replayed, until, timeline = connection.execute(_STANDBY).fetchone() or (None, None, None)
    if not isinstance(replayed, int):
        return None
    return WalPosition(
        position=replayed,
        timeline=timeline if isinstance(timeline, int) else None,
        replayed_until=until if isinstance(until, datetime) else None,
    )


def _history_of(connection: Connection, timeline: int) -> tuple[TimelineEnd, ...] | None:
    """Read which timelines led to one: only superusers may, unless somebody granted it."""
    if timeline == 1:
        return ()
    try:
        with connection.transaction():
            if connection.execute(_MAY_READ_FILES).fetchone() != (True,):
                return None
            row = connection.execute(_HISTORY, [f"pg_wal/{timeline:08X}.history"]).fetchone()
    except psycopg.DatabaseError as error:
        _raise_trouble(connection, error)
        return None
    return None if row is None or row[0] is None else read_history(str(row[0]))


def _raise_trouble(connection: Connection, error: psycopg.DatabaseError) -> None:
    """Raise what is more than a refusal.

    Some services forbid or replace these functions, each with an error of its own, and a promotion
    may come in between.
    """
    if connection.closed or (error.sqlstate or "").startswith(_TROUBLE):
        raise error


def read_history(text: str) -> tuple[TimelineEnd, ...] | None:
    """Return what a timeline's history file says, oldest first; None if it is of another form."""
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    found = [_END.match(line) for line in lines]
    ends = [
        TimelineEnd(timeline=int(end[1]), position=(int(end[2], 16) << 32) + int(end[3], 16))
        for end in found
        if end is not None
    ]
    return tuple(ends) if len(ends) == len(lines) else None
