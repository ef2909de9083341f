"""Watches over a run: the coordinator is alive, the time is not up, and nobody waits for us.

A coordinator that was terminated has lost its locks, and a TRUNCATE then reads as 0 rows without
any error; so it is asked inside its transaction every few seconds and once more right before the
manifest (reference/postgres.md §1, rules 4 and 5).
"""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import psycopg

from orchestrator.engines.postgres.backup.tables.relations import Connection
from orchestrator.engines.postgres.session import translated_errors
from orchestrator.errors import (
    GaveWayError,
    OrchestratorError,
    RunTooLongError,
    SnapshotLostError,
    UnexpectedError,
)
from orchestrator.model.policy import WARN_AT
from orchestrator.ports.clock import Clock

_log = logging.getLogger(__name__)

INTERVAL = timedelta(seconds=2)

# Whoever waits for a lock that one of our sessions holds, the children's included. Not asked for by
# `wait_event_type`, which only superusers and pg_monitor see of other roles' sessions.
_WAITING = """
SELECT w.pid, extract(epoch FROM pg_catalog.clock_timestamp() - l.waitstart)::float8
FROM pg_catalog.pg_stat_activity w
JOIN pg_catalog.pg_locks l ON l.pid = w.pid AND NOT l.granted AND l.waitstart IS NOT NULL
WHERE EXISTS (SELECT FROM pg_catalog.pg_stat_activity o
              WHERE o.application_name = %(application)s
                AND o.pid = ANY (pg_catalog.pg_blocking_pids(w.pid)))
ORDER BY 2 DESC LIMIT 1
"""


class Watch:
    """Breaks a run off from a thread of its own, and remembers why."""

    def __init__(
        self,
        *,
        coordinator: Connection,
        observer: Connection,
        clock: Clock,
        max_duration: timedelta,
        yield_after: timedelta,
    ) -> None:
        """``observer`` is a connection of its own, outside the snapshot; it is not closed here."""
        self._coordinator = coordinator
        self._observer = observer
        self._clock = clock
        self._deadline = clock.monotonic() + max_duration.total_seconds()
        self._max_duration = max_duration
        self._warn_at = self._deadline - (1 - WARN_AT) * max_duration.total_seconds()
        self._yield_after = yield_after
        self._on_failure: list[Callable[[], None]] = []
        self._stop = threading.Event()
        self._failure: OrchestratorError | None = None
        self._thread = threading.Thread(target=self._run, name="snapshot-watch", daemon=True)

    def start(self, *on_failure: Callable[[], None]) -> None:
        """Begin to watch; ``on_failure`` are called, once, when the run has to be broken off."""
        self._on_failure.extend(on_failure)
        self._thread.start()

    def stop(self) -> None:
        """End the watch; the connections are free again when this returns."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    @property
    def failure(self) -> OrchestratorError | None:
        """Why the run was broken off, or None."""
        return self._failure

    @contextmanager
    def cause(self) -> Iterator[None]:
        """Raise why the run was broken off instead of the error that this led to in the block."""
        try:
            yield
        except OrchestratorError:
            if self._failure is not None:
                raise self._failure from None
            raise

    def check(self) -> None:
        """Ask everything now, in the caller's thread.

        Raises:
            SnapshotLostError, RunTooLongError, GaveWayError: what is wrong.
            UnexpectedError: the watch itself failed, so nobody looked since.
        """
        if self._failure is not None:
            raise self._failure
        self._require_coordinator()
        self._require_time()

    def _run(self) -> None:
        while not self._stop.wait(INTERVAL.total_seconds()):
            try:
                self._look()
            except OrchestratorError as error:
                self._break_off(error)
                return
            except Exception as error:  # noqa: BLE001 - nobody waits for this thread: it would end in silence
                _log.debug("watch_failed: %s", error, exc_info=error)
                self._break_off(_defect(error))
                return

    def _look(self) -> None:
        self._require_coordinator()
        self._require_time()
        self._warn_of_age()
        self._require_nobody_waits()

    def _break_off(self, error: OrchestratorError) -> None:
        """Remember why, and call everything that ends a part of the run, whatever one of them does."""
        self._failure = error
        for callback in self._on_failure:
            try:
                callback()
            except Exception as trouble:  # noqa: BLE001 - the others must be called, too
                _log.warning("run_not_broken_off", extra={"what": type(trouble).__name__})
                _log.debug("run_not_broken_off: %s", trouble, exc_info=trouble)

    def _require_coordinator(self) -> None:
        try:
            self._coordinator.execute("SELECT 1")
        except psycopg.Error as error:
            raise SnapshotLostError(
                "the session that holds the snapshot and its locks ended early",
                next_step="see the server's log for who ended it; the next pass tries again",
            ) from error

    def _require_time(self) -> None:
        if self._clock.monotonic() > self._deadline:
            raise RunTooLongError(
                f"the run took longer than {self._max_duration}",
                next_step="raise source.max_duration, or find out what made it slow",
            )

    def _warn_of_age(self) -> None:
        """Say once that half of the time is over: vacuum can clean up nothing until the end."""
        if self._clock.monotonic() > self._warn_at:
            self._warn_at = self._deadline
            _log.warning(
                "snapshot_is_old",
                extra={
                    "database": self._coordinator.info.dbname,
                    "share": f"{WARN_AT:.0%}",
                    "max_duration": str(self._max_duration),
                },
            )

    def _require_nobody_waits(self) -> None:
        application = self._coordinator.info.parameter_status("application_name")
        with translated_errors("watching for sessions that wait for the backup"):
            row = self._observer.execute(_WAITING, {"application": application}).fetchone()
        if row is not None and float(str(row[1])) > self._yield_after.total_seconds():
            raise GaveWayError(
                f"session {row[0]} waited {float(str(row[1])):.0f} s for locks of the backup",
                next_step="the next pass tries again; raise source.yield_after if this is no harm",
            )


def _defect(error: Exception) -> UnexpectedError:
    defect = UnexpectedError(
        f"an unexpected {type(error).__name__} ended the watch over the run",
        next_step="nothing of this run was published; run it with -vv and report what it prints",
    )
    defect.__cause__ = error
    return defect
