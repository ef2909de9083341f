"""Is there room for the locks of a backup in the server's shared table of locks?

Every session of ours and pg_dump lock every table, and what we take away is missing to the
application ("out of shared memory"). With the server's defaults, room is for some 14,000 locks:
3,500 tables with two workers (measured on 17.10).
"""

from math import ceil

from orchestrator.engines.postgres.backup.tables.relations import Connection
from orchestrator.errors import LockCapacityError

# The server sizes its table for twice as many holders as objects; measured, 1.85 of these are to be
# had while nobody else holds any.
_HOLDERS_PER_OBJECT = 1.8

_CAPACITY = """
SELECT pg_catalog.current_setting('max_locks_per_transaction')::bigint,
       (SELECT pg_catalog.sum(setting::bigint) FROM pg_catalog.pg_settings
        WHERE name IN ('max_connections', 'autovacuum_max_workers', 'max_worker_processes',
                       'max_wal_senders', 'max_prepared_transactions')),
       (SELECT pg_catalog.count(*) FROM pg_catalog.pg_locks
        WHERE NOT fastpath AND locktype = 'relation'),
       (SELECT pg_catalog.count(*) FROM pg_catalog.pg_class WHERE relkind IN ('r', 'p')
        AND relnamespace <> 'pg_catalog'::pg_catalog.regnamespace)
"""


def require_lock_capacity(connection: Connection, *, tables: int, workers: int) -> None:
    """Do nothing if the server can hold the locks of a backup beside those that it holds now.

    ``tables`` is how many the selection has; pg_dump locks all tables of the database.

    Raises:
        LockCapacityError: with the setting that would do.
    """
    row = connection.execute(_CAPACITY.encode()).fetchone()
    per_session, sessions, held, all_tables = (int(str(value)) for value in row or (0, 0, 0, 0))
    needed = tables * (1 + workers) + all_tables
    room = int(per_session * sessions * _HOLDERS_PER_OBJECT) - held
    if needed > room:
        setting = ceil((needed + held) / (sessions * _HOLDERS_PER_OBJECT))
        raise LockCapacityError(
            f"{all_tables} tables need about {needed} locks with {workers} workers, and the server"
            f" has room for about {max(room, 0)}",
            next_step="as a superuser: ALTER SYSTEM SET max_locks_per_transaction ="
            f" {_rounded(setting)}; then restart the server",
        )


def _rounded(setting: int) -> int:
    return 64 * ceil(setting / 64)
