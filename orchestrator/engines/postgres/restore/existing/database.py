"""Opening a database that exists, and committing its replacement so that the outcome is known."""

import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass

import psycopg
from typing_extensions import override

from orchestrator.engines.postgres.restore.access import Access, Connection, restore_errors
from orchestrator.engines.postgres.restore.existing.liveness import kept_alive
from orchestrator.engines.postgres.restore.existing.locking import WRITERS_OUT, Locker
from orchestrator.engines.postgres.restore.existing.looking import (
    Found,
    find,
    plan,
    read_published,
    read_stale,
)
from orchestrator.engines.postgres.restore.existing.replacement import (
    NEXT_STEP,
    PostgresReplacement,
)
from orchestrator.engines.postgres.restore.existing.sameness import doubt_of
from orchestrator.errors import OrchestratorError, RestoreError
from orchestrator.model.secret import Secret
from orchestrator.ports.restoring.existing_database import (
    ExistingDatabase,
    ExistingEngine,
    ExistingRequest,
    Replacement,
    ReplacementPlan,
    Wanted,
)

# The commit of a replacement is what a user was told: it waits for its disk, and for a standby
# where the server is set up so.
_DURABLE = "SET synchronous_commit = on"
_STATUS = "SELECT pg_catalog.pg_xact_status(%s::text::pg_catalog.xid8)"
_ASKED_FOR_SECONDS = 60.0
_PAUSE_SECONDS = 1.0


class PostgresExisting(ExistingEngine):
    """Replaces tables of PostgreSQL 14 to 18, as their owner or a superuser."""

    def __init__(self, *, environment: Mapping[str, str]) -> None:
        """``environment`` finds password files and service files."""
        self._environment = environment

    @override
    def open_existing(self, request: ExistingRequest) -> AbstractContextManager[ExistingDatabase]:
        return self._opened(request)

    @contextmanager
    def _opened(self, request: ExistingRequest) -> Iterator[ExistingDatabase]:
        access = Access(
            url=request.url,
            application_name=request.application_name,
            environment=self._environment,
            stall_timeout=request.stall_timeout,
        )
        with ExitStack() as stack:
            connection = stack.enter_context(access.connect(request.database))
            observer = stack.enter_context(access.connect(request.database))
            with restore_errors("preparing the session", next_step=NEXT_STEP):
                connection.execute(_DURABLE)
            yield PostgresExistingDatabase(request, access, connection, observer)


@dataclass(slots=True)
class PostgresExistingDatabase(ExistingDatabase):
    """Two sessions: one whose transaction replaces, one that looks on."""

    _request: ExistingRequest
    _access: Access
    _connection: Connection
    _observer: Connection

    @override
    def look(self, wanted: Wanted) -> ReplacementPlan:
        with restore_errors("looking at the tables", next_step=NEXT_STEP):
            return plan(self._observer, wanted)

    @override
    def doubt_of(self, url: Secret, database: str) -> str | None:
        with restore_errors("asking whether it is the source", next_step=NEXT_STEP):
            patience = self._request.stall_timeout
            return doubt_of(self._connection, url, database, patience=patience)

    @override
    def replacing(
        self, wanted: Wanted, shown: ReplacementPlan
    ) -> AbstractContextManager[Replacement]:
        return self._replacing(wanted, shown)

    @contextmanager
    def _replacing(self, wanted: Wanted, shown: ReplacementPlan) -> Iterator[Replacement]:
        with restore_errors("locking the tables", next_step=NEXT_STEP):
            self._connection.execute("BEGIN")
        try:
            with self._kept_alive():
                replacement = self._locked(wanted, shown)
                transaction = self._transaction()
                yield replacement
            self._commit(transaction)
        except BaseException:
            self._connection.close()
            raise

    def _kept_alive(self) -> AbstractContextManager[None]:
        request = self._request
        return kept_alive(self._access, self._connection, request.database, request.stall_timeout)

    def _locked(self, wanted: Wanted, shown: ReplacementPlan) -> PostgresReplacement:
        """Lock first; only then is what is there what will be replaced."""
        with restore_errors("locking the tables", next_step=NEXT_STEP):
            before = find(self._observer, wanted)
            locker = Locker(self._connection, self._observer, before.locked)
            try:
                locker.lock(WRITERS_OUT, within=self._request.lock_timeout)
            except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName) as error:
                raise _changed() from error
            found = find(self._connection, wanted)
            _require_as_shown(before, found, shown)
            self._require_nobody_else_sees(found, shown)
        return PostgresReplacement(
            self._connection, found, locker, self._request.lock_timeout, wanted.encoding
        )

    def _require_nobody_else_sees(self, found: Found, shown: ReplacementPlan) -> None:
        """Subscribers are emptied, too, and views go stale: of those, none that nobody agreed to."""
        oids = found.members.oids
        published = set(read_published(self._connection, oids))
        if not (
            published <= set(shown.published)
            and set(read_stale(self._connection, oids)) <= set(shown.stale)
        ):
            raise _changed()

    def _transaction(self) -> str:
        with restore_errors("beginning the transaction", next_step=NEXT_STEP):
            row = self._connection.execute(
                "SELECT pg_catalog.pg_current_xact_id()::text"
            ).fetchone()
        return "" if row is None else str(row[0])

    def _commit(self, transaction: str) -> None:
        """Commit; if the connection breaks in it, find out what became of it.

        A transaction in which something failed that nobody heard of ends without any error, too:
        only the tag of the answer tells (PostgreSQL, COMMIT).

        Raises:
            RestoreError: it was not committed, or nobody can tell.
        """
        try:
            with restore_errors("committing", next_step=NEXT_STEP):
                answer = self._connection.execute("COMMIT").statusmessage
        except OrchestratorError:
            status = self._status(transaction)
            if status == "committed":
                return
            if status == "aborted":
                raise
            raise RestoreError(
                "the connection broke while the replacement was committed, and the server did not"
                " say what became of it",
                next_step=f"ask it: {_STATUS.replace('%s', repr(transaction))}; committed means"
                " that the tables are as in the backup, aborted that nothing was changed",
            ) from None
        if answer != "COMMIT":
            raise RestoreError(
                "the server rolled back the replacement instead of committing it: a statement before"
                " had failed or was cancelled",
                next_step=NEXT_STEP,
            )

    def _status(self, transaction: str) -> str | None:
        deadline = time.monotonic() + _ASKED_FOR_SECONDS
        while time.monotonic() < deadline:
            try:
                with self._access.connect(self._request.database) as connection:
                    row = connection.execute(_STATUS, [transaction]).fetchone()
            except (psycopg.Error, OrchestratorError):
                row = None
            if row is not None and row[0] in {"committed", "aborted"}:
                return str(row[0])
            time.sleep(_PAUSE_SECONDS)
        return None


def _require_as_shown(before: Found, found: Found, shown: ReplacementPlan) -> None:
    members = found.members
    same = (
        found == before
        and {one.name for one in shown.tables} == {one.name for one in members.replaced}
        and set(shown.foreign_keys) == set(map(str, found.keys))
        and set(members.differences) <= set(shown.differences)
        and set(members.losses) <= set(shown.losses)
    )
    if not same or members.obstacles:
        raise _changed()


def _changed() -> RestoreError:
    return RestoreError(
        "the tables changed between the moment when they were looked at and the locks",
        next_step="nothing was changed; run it again: it shows them as they are now",
    )
