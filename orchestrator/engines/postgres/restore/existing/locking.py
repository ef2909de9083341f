"""Locks on the tables: asked for in short attempts, never by making others wait for long.

First SHARE ROW EXCLUSIVE, which keeps writers out and lets readers and backups in; then, while it
is held, ACCESS EXCLUSIVE. A transaction that has read one of the tables and now waits to write to
another can never end while we wait for it to: it is cancelled, as the server's deadlock detector
would do, only that it chose between it and us by chance.
"""

import time
from collections.abc import Sequence
from datetime import timedelta

import psycopg

from orchestrator.engines.postgres.backup.tables.relations import Relation
from orchestrator.engines.postgres.identifiers import qualified
from orchestrator.engines.postgres.restore.access import Connection
from orchestrator.errors import LockTimeoutError
from orchestrator.model.contents import TableName

# Above the server's deadlock_timeout (1 s unless changed): only then is an autovacuum that holds
# the table told to let go.
ATTEMPT = timedelta(milliseconds=1500)
PAUSE_SECONDS = 0.2

WRITERS_OUT = "SHARE ROW EXCLUSIVE"
EVERYBODY_OUT = "ACCESS EXCLUSIVE"

_HOLDERS = """
SELECT DISTINCT l.pid, l.relation::pg_catalog.regclass::text, l.mode
FROM pg_catalog.pg_locks l
WHERE l.relation = ANY (%s::pg_catalog.oid[]) AND l.granted AND l.pid <> %s
ORDER BY 1, 2 LIMIT 5
"""

# Sessions that hold one of the tables and wait, directly or through others, for us.
_ENTANGLED = """
WITH RECURSIVE waits(pid, root) AS (
  SELECT DISTINCT l.pid, l.pid FROM pg_catalog.pg_locks l
  WHERE l.relation = ANY (%(oids)s::pg_catalog.oid[]) AND l.granted AND l.pid <> %(us)s
  UNION SELECT blocker, w.root FROM waits w, unnest(pg_catalog.pg_blocking_pids(w.pid)) blocker)
SELECT DISTINCT w.root FROM waits w WHERE w.pid = %(us)s
"""
_CANCEL = "SELECT pg_catalog.pg_cancel_backend(%s)"


def lock_statement(tables: Sequence[TableName], mode: str) -> bytes:
    """Return the statement that locks these tables and nothing below them."""
    listed = ", ".join(f"ONLY {qualified(name)}" for name in tables)
    return f"LOCK TABLE {listed} IN {mode} MODE".encode()


class Locker:
    """Takes locks for ``connection``; ``observer`` sees who is in the way."""

    def __init__(
        self, connection: Connection, observer: Connection, relations: Sequence[Relation]
    ) -> None:
        self._connection = connection
        self._observer = observer
        self._names = [relation.name for relation in relations]
        self._oids = [relation.oid for relation in relations]
        self.cancelled: list[int] = []
        """The sessions whose transactions had to be cancelled."""

    def lock(self, mode: str, *, within: timedelta) -> None:
        """Lock all tables in the connection's transaction, trying again for so long.

        Raises:
            LockTimeoutError: names the sessions that hold them; nothing of the mode is held.
        """
        if not self._names:
            return
        deadline = time.monotonic() + within.total_seconds()
        limit = f"SET LOCAL lock_timeout = '{int(ATTEMPT.total_seconds() * 1000)}ms'"
        while True:
            try:
                with self._connection.transaction():
                    self._connection.execute(limit.encode())
                    self._connection.execute(lock_statement(self._names, mode))
            except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected) as error:
                if time.monotonic() > deadline:
                    raise self._gave_up(mode, within) from error
                self._cancel_entangled()
                time.sleep(PAUSE_SECONDS)
            else:
                return

    def _cancel_entangled(self) -> None:
        us = self._connection.info.backend_pid
        for (pid,) in self._observer.execute(_ENTANGLED, {"oids": self._oids, "us": us}).fetchall():
            try:
                self._observer.execute(_CANCEL, [pid])
            except psycopg.errors.InsufficientPrivilege:
                continue
            self.cancelled.append(int(str(pid)))

    def _gave_up(self, mode: str, within: timedelta) -> LockTimeoutError:
        us = self._connection.info.backend_pid
        holders = [
            f"session {pid} holds {table} ({held})"
            for pid, table, held in self._observer.execute(_HOLDERS, [self._oids, us])
        ]
        return LockTimeoutError(
            f"the tables could not be locked ({mode}) within {within.total_seconds():g} s: "
            + ("; ".join(holders) or "they were taken again and again"),
            next_step="nothing was changed; let those sessions finish, or raise source.lock_timeout",
        )
