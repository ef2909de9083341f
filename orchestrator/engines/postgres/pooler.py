"""Does a session stay at one backend of the server? A pooler in transaction mode passes it around.

Then settings, locks and snapshots end up in sessions of the application (reference/postgres.md §2,
row 46), so this is asked before anything is set. A pooler invents the process id that it tells its clients at the start, because it needs one of its own
for cancel requests: only where that differs from the backend's own is there anything to ask.
"""

from collections.abc import Callable
from contextlib import closing

import psycopg

from orchestrator.errors import PoolerError, StalledError

Connection = psycopg.Connection[tuple[object, ...]]

_BACKEND = "SELECT pg_catalog.pg_backend_pid()"
_NEXT_STEP = (
    "name the server's own host and port in source.url, or a pool in session mode: a backup needs"
    " sessions that keep their settings, locks and snapshot"
)


def refuse_transaction_pooler(connection: Connection, open_other: Callable[[], Connection]) -> None:
    """Do nothing if the connection leads to one and the same backend whatever others do.

    ``open_other`` opens another connection of the same kind. Both have to lose their patience with
    a pool that has no second backend.

    Raises:
        PoolerError: a pooler in between gives the backend to others between two transactions.
    """
    backend = _backend(connection)
    if backend == connection.info.backend_pid:
        return
    try:
        with closing(open_other()) as other:
            other.execute("BEGIN")
            # Whoever gave the backend back after the last statement finds another one by now, or
            # waits because the pool has no more of them.
            _backend(other)
            stays = _backend(connection) == backend
            other.execute("ROLLBACK")
    except (StalledError, psycopg.OperationalError) as error:
        raise _refused() from error
    if not stays:
        raise _refused()


def _backend(connection: Connection) -> int:
    row = connection.execute(_BACKEND.encode()).fetchone()
    return int(str(row[0])) if row is not None else 0


def _refused() -> PoolerError:
    return PoolerError(
        "between this program and the server is a pooler in transaction mode", next_step=_NEXT_STEP
    )
