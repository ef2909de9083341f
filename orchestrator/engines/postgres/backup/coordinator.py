"""The session that holds the locks and the snapshot.

Its transaction begins with SET and LOCK TABLE alone, which take no snapshot: a SELECT before the
locks would, and a TRUNCATE between the two then reads as 0 rows without an error. Only under the
locks is the selection resolved again; if it is not the same, everything starts over (rule 3).

Locks are asked for in short attempts: while a request waits behind an ALTER, every SELECT of the
application waits behind the request (rule 5).
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import psycopg

from orchestrator.engines.postgres.backup.tables.relations import Connection
from orchestrator.engines.postgres.backup.tables.resolve import Resolved, resolve
from orchestrator.engines.postgres.session import translated_errors
from orchestrator.errors import LockTimeoutError, SourceError
from orchestrator.model.policy import TableSelection
from orchestrator.planning.clocks import ahead_of_ours
from orchestrator.ports.clock import Clock

BEGIN = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"

# Below the server's deadlock_timeout (1 s unless changed), so that a waiting request of ours is
# never what makes the deadlock detector cancel somebody else.
ATTEMPT = timedelta(milliseconds=700)
PAUSE_SECONDS = 0.3

_EXPORT = "SELECT pg_catalog.pg_export_snapshot(), pg_catalog.clock_timestamp()"

_HOLDERS = """
SELECT DISTINCT l.pid, l.relation::pg_catalog.regclass::text, l.mode
FROM pg_catalog.pg_locks l
WHERE l.relation = ANY (%s::pg_catalog.oid[]) AND l.granted AND l.mode = 'AccessExclusiveLock'
ORDER BY 1, 2 LIMIT 5
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldSnapshot:
    """A snapshot, exported under ``name``, with the locks of everything that it will read.

    ``taken_at`` is a time of our clock; ``server_ahead`` is how much later the server's was.
    """

    coordinator: Connection
    name: str
    taken_at: datetime
    server_ahead: timedelta
    resolved: Resolved


class TablesChangedError(Exception):
    """The tables changed between resolving and locking; nothing is wrong, start over."""


def hold_snapshot(
    open_session: Callable[[], Connection],
    observer: Connection,
    *,
    selection: TableSelection,
    lock_timeout: timedelta,
    clock: Clock,
) -> HeldSnapshot:
    """Lock and export, trying again for ``lock_timeout`` in all.

    ``open_session`` opens the coordinator's connection, whose lock time-out is `ATTEMPT`;
    ``observer`` is another session, in which patterns are resolved before the locks.

    Raises:
        LockTimeoutError: names the sessions that hold the tables.
    """
    deadline = clock.monotonic() + lock_timeout.total_seconds()
    while True:
        resolved = resolve(observer, selection)
        coordinator = open_session()
        try:
            return _lock_and_export(coordinator, resolved, selection, clock)
        except (psycopg.errors.LockNotAvailable, TablesChangedError) as error:
            coordinator.close()
            if clock.monotonic() > deadline:
                raise _gave_up(observer, resolved, lock_timeout) from error
            time.sleep(PAUSE_SECONDS)
        except BaseException:
            coordinator.close()
            raise


def _lock_and_export(
    coordinator: Connection, resolved: Resolved, selection: TableSelection, clock: Clock
) -> HeldSnapshot:
    coordinator.execute(BEGIN)
    lock = resolved.lock_statement(nowait=False)
    if lock is not None:
        try:
            coordinator.execute(lock.encode())
        except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName) as error:
            raise TablesChangedError from error
    # The clock is read before the first statement that takes the snapshot, so everything that was
    # committed before `taken_at` is in the backup.
    taken_at = clock.now()
    if resolve(coordinator, selection) != resolved:
        raise TablesChangedError
    asked_at = clock.now()
    row = coordinator.execute(_EXPORT).fetchone()
    if row is None or not isinstance(row[1], datetime):
        raise SourceError(
            "the server exported no snapshot", next_step="see the server's log for the cause"
        )
    return HeldSnapshot(
        coordinator=coordinator,
        name=str(row[0]),
        taken_at=taken_at,
        server_ahead=ahead_of_ours(row[1], asked_at=asked_at, answered_at=clock.now()),
        resolved=resolved,
    )


def _gave_up(observer: Connection, resolved: Resolved, lock_timeout: timedelta) -> LockTimeoutError:
    with translated_errors("asking who holds the tables"):
        oids = [relation.oid for relation in resolved.locked]
        holders = [
            f"session {pid} holds {table}" for pid, table, _ in observer.execute(_HOLDERS, [oids])
        ]
    return LockTimeoutError(
        f"the tables could not be locked for reading within {lock_timeout.total_seconds():g} s: "
        + ("; ".join(holders) or "they changed again and again while they were being locked"),
        next_step="let that session finish, or raise source.lock_timeout; the next pass tries again",
    )
