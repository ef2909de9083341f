"""Locks on tables that people work with never outlive the one who holds them.

A client that was killed behind a proxy or a firewall, or a network that froze while its kernels go
on to acknowledge, looks to the server like one that thinks (reference/faults.md M11). So the server
watches itself: the session that holds the locks ends when it hears nothing for the stall time-out,
and we let it hear from us while we are busy elsewhere.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import psycopg
from psycopg.generators import execute
from psycopg.pq import TransactionStatus

from orchestrator.engines.postgres.restore.access import Access, Connection, restore_errors
from orchestrator.errors import OrchestratorError

# The idle time-out does not count while a COPY waits for its next bytes, nor does the statement
# time-out interrupt that: a session of its own looks after the one that holds the locks, and ends it
# if it waits for its client and neither statement nor COPY goes on.
_GUARD = """
DO $guard$
DECLARE
  seen text; last_seen text; since timestamptz := pg_catalog.clock_timestamp();
BEGIN
  LOOP
    PERFORM pg_catalog.pg_stat_clear_snapshot();
    SELECT pg_catalog.concat_ws('|', a.state_change, a.query_start, p.bytes_processed,
        CASE WHEN a.wait_event_type = 'Client' THEN 'waits' ELSE pg_catalog.clock_timestamp()::text END)
      INTO seen FROM pg_catalog.pg_stat_activity a
      LEFT JOIN pg_catalog.pg_stat_progress_copy p ON p.pid = a.pid
     WHERE a.pid = {pid} AND a.backend_start = '{start}';
    EXIT WHEN NOT FOUND;
    IF seen IS DISTINCT FROM last_seen THEN
      last_seen := seen; since := pg_catalog.clock_timestamp();
    ELSIF pg_catalog.clock_timestamp() - since > interval '{patience} ms' THEN
      PERFORM pg_catalog.pg_terminate_backend({pid});
      EXIT;
    END IF;
    PERFORM pg_catalog.pg_sleep({pause});
    COMMIT;
  END LOOP;
END $guard$
"""
_START = """
SELECT a.backend_start::text FROM pg_catalog.pg_stat_activity a
WHERE a.pid = pg_catalog.pg_backend_pid()
"""
_PARTS = 4


@contextmanager
def kept_alive(
    access: Access, connection: Connection, database: str, patience: timedelta
) -> Iterator[None]:
    """While the block runs, have the server end ``connection`` if it is silent for ``patience``.

    Raises:
        SourceUnreachableError, CapacityError: the session that looks after it cannot be opened.
        StalledError: the connection was lost meanwhile, while nothing was asked of it.
    """
    with _started(access, connection, database, patience) as guard:
        pulse = _Pulse(connection, patience / _PARTS)
        try:
            yield
        except (psycopg.Error, OrchestratorError):
            pulse.stop()
            if pulse.trouble is not None:
                raise pulse.trouble from None
            raise
        finally:
            pulse.stop()
            guard.close()


def _started(
    access: Access, connection: Connection, database: str, patience: timedelta
) -> Connection:
    with restore_errors("looking after the session", next_step="nothing was changed; run it again"):
        for statement in _limits(patience):
            connection.execute(statement.encode())
        row = connection.execute(_START).fetchone()
        guard = access.connect(database)
        try:
            # It has to outlive us: it ends when the session does that it looks after.
            guard.execute("SET client_connection_check_interval = 0")
            guard.execute("SET idle_session_timeout = '10s'")
            text = _GUARD.format(
                pid=connection.info.backend_pid,
                start="" if row is None else row[0],
                patience=int(patience.total_seconds() * 1000),
                pause=min(0.25, patience.total_seconds() / _PARTS),
            )
            guard.pgconn.send_query(text.encode())
        except BaseException:
            guard.close()
            raise
    return guard


def _limits(patience: timedelta) -> Iterator[str]:
    milliseconds = int(patience.total_seconds() * 1000)
    yield f"SET idle_in_transaction_session_timeout = '{milliseconds}ms'"
    yield f"SET tcp_user_timeout = '{milliseconds}ms'"
    yield "SET tcp_keepalives_idle = '30s'"
    yield "SET tcp_keepalives_interval = '10s'"
    yield "SET tcp_keepalives_count = 3"


class _Pulse:
    """Asks something trivial now and then in a transaction that waits for us to go on."""

    def __init__(self, connection: Connection, interval: timedelta) -> None:
        self.trouble: OrchestratorError | None = None
        self._connection = connection
        self._interval = interval
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="keep-alive", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join()

    def _beat(self) -> None:
        while not self._stopped.wait(self._interval.total_seconds()):
            try:
                self._ask()
            except OrchestratorError as error:
                self.trouble = error
                return
            except psycopg.Error:
                # Whoever uses the connection next is told.
                return

    def _ask(self) -> None:
        # The lock is what every statement of the connection takes; a COPY leaves it between blocks.
        connection = self._connection
        with connection.lock:
            if connection.info.transaction_status is TransactionStatus.INTRANS:
                connection.pgconn.send_query(b"SELECT")
                connection.wait(execute(connection.pgconn))
