"""The source engine: opens a snapshot in the one right order, and closes everything again."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta

from typing_extensions import override

from orchestrator.engines.postgres.backup.chunk_reader import PsqlChunkReader, join_snapshot
from orchestrator.engines.postgres.backup.contents import read_contents
from orchestrator.engines.postgres.backup.coordinator import ATTEMPT, HeldSnapshot, hold_snapshot
from orchestrator.engines.postgres.backup.refusals.all_at_once import Intent, require_possible
from orchestrator.engines.postgres.backup.schema_archive import DumpPrograms
from orchestrator.engines.postgres.backup.tables.relations import (
    Connection,
    Relation,
    require_same_names,
)
from orchestrator.engines.postgres.backup.watch import Watch
from orchestrator.engines.postgres.children import libpq_environment, private_passfile
from orchestrator.engines.postgres.programs import find_client_programs
from orchestrator.engines.postgres.psql_session import PsqlSession
from orchestrator.engines.postgres.sequences import read_sequences
from orchestrator.engines.postgres.session import (
    NOTICE_DEAD_CLIENTS,
    STANDARD_STRINGS,
    connect,
    connection_parameters,
    describe_server,
    quote_conninfo,
    translated_errors,
)
from orchestrator.errors import (
    AuthenticationFailedError,
    CapacityError,
    DatabaseMissingError,
    LockTimeoutError,
)
from orchestrator.model.contents import SequenceState, SourceContents
from orchestrator.model.names import RunId
from orchestrator.model.policy import Source
from orchestrator.ports.clock import Clock
from orchestrator.ports.engine import (
    ChunkReader,
    SnapshotRequest,
    SourceEngine,
    SourceSnapshot,
)

_log = logging.getLogger(__name__)

_ORPHANS = """
SELECT count(*) FILTER (WHERE pg_catalog.pg_terminate_backend(a.pid))
FROM pg_catalog.pg_stat_activity a
WHERE a.application_name = %s AND a.pid <> pg_catalog.pg_backend_pid()
"""


class PostgresSource(SourceEngine):
    """Backs up PostgreSQL 14 to 18."""

    def __init__(self, *, clock: Clock, environment: Mapping[str, str]) -> None:
        """``environment`` finds client programs, password files and service files."""
        self._clock = clock
        self._environment = environment

    @override
    def open_snapshot(self, request: SnapshotRequest) -> AbstractContextManager[SourceSnapshot]:
        return self._opened(request)

    @contextmanager
    def _opened(self, request: SnapshotRequest) -> Iterator[SourceSnapshot]:
        with ExitStack() as stack:
            yield _Opening(request, self._clock, self._environment, stack).open()

    @override
    def end_orphans(self, source: Source, run: RunId) -> int:
        with (
            _connect_to_any_database(source) as session,
            translated_errors("ending the sessions of a killed run"),
        ):
            row = session.execute(_ORPHANS, [application_name(run)]).fetchone()
        return int(str(row[0])) if row is not None else 0


def _connect_to_any_database(source: Source) -> Connection:
    """Open a session at the server: the sessions of all databases are seen from each of them.

    A database of the policy may be gone, closed to this role or full; only a server that cannot be
    reached needs no second attempt. The URL's own database comes last.

    Raises:
        SourceError: what the last of them said.
    """
    for database in source.databases:
        try:
            return _connect_to(source, database)
        except (DatabaseMissingError, AuthenticationFailedError, CapacityError) as error:
            _log.debug("orphans_not_seen_from: %s", error, extra={"database": database})
    return _connect_to(source, None)


def _connect_to(source: Source, database: str | None) -> Connection:
    return connect(
        source.url,
        database=database,
        application_name="orchestrator",
        patience=source.stall_timeout,
    )


def application_name(run: RunId) -> str:
    """Return the name under which every session of a run is seen at the server."""
    return f"orchestrator:{run}"


@dataclass(frozen=True, slots=True)
class _Snapshot(SourceSnapshot):
    """An open snapshot; `_Opening` closes what it uses."""

    _contents: SourceContents
    _readers: tuple[ChunkReader, ...]
    _coordinator: Connection
    _observer: Connection
    _locked: Sequence[Relation]
    _schema: Future[bytes]
    _programs: DumpPrograms
    _watch: Watch

    @property
    @override
    def contents(self) -> SourceContents:
        return self._contents

    @property
    @override
    def readers(self) -> Sequence[ChunkReader]:
        return self._readers

    @override
    def dump_schema(self) -> bytes:
        with self._watch.cause():
            return self._schema.result()

    @override
    def dump_globals(self) -> bytes:
        with self._watch.cause():
            return self._programs.dump_globals()

    @override
    def read_sequences(self) -> Sequence[SequenceState]:
        with translated_errors("reading the sequences"):
            return read_sequences(self._coordinator)

    @override
    def check(self) -> None:
        self._watch.check()
        with translated_errors("asking whether the names of the tables still lead to them"):
            require_same_names(self._observer, self._locked)


class _Opening:
    """The steps of opening one snapshot, in order; ``stack`` closes what they opened."""

    def __init__(
        self,
        request: SnapshotRequest,
        clock: Clock,
        environment: Mapping[str, str],
        stack: ExitStack,
    ) -> None:
        self._request = request
        self._source = request.source
        self._clock = clock
        self._environment = environment
        self._stack = stack
        self._application = application_name(request.run)
        self._parameters = connection_parameters(
            self._source.url, database=request.database, application_name=self._application
        )
        self._subject = describe_server(self._parameters)

    def open(self) -> SourceSnapshot:
        """Do them all."""
        observer = self._stack.enter_context(self._session())
        with translated_errors(self._subject):
            require_possible(observer, self._intent())
            programs = self._dump_programs(observer)
            held, sessions = self._hold(observer, programs)
            # pg_dump goes first, so that it asks for its locks while ours are fresh (rule 5).
            schema = self._start_schema_dump(programs, held)
            contents = read_contents(held, self._request.blocks_per_chunk)
        watch = self._watch(
            held, observer, (*(session.kill for session in sessions), programs.kill)
        )
        encoding = contents.properties.encoding
        readers = [
            PsqlChunkReader(session, encoding=encoding, watch=watch, coordinator=held.coordinator)
            for session in sessions
        ]
        return _Snapshot(
            contents,
            tuple(readers),
            held.coordinator,
            observer,
            held.resolved.locked,
            schema,
            programs,
            watch,
        )

    def _session(self, *, lock_timeout: timedelta = timedelta(0)) -> Connection:
        return connect(
            self._source.url,
            database=self._request.database,
            application_name=self._application,
            lock_timeout=lock_timeout,
            patience=self._source.stall_timeout,
        )

    def _intent(self) -> Intent:
        return Intent(
            subject=self._subject,
            source=self._source,
            selection=self._request.selection,
            workers=self._request.workers,
            environment=self._environment,
        )

    def _dump_programs(self, observer: Connection) -> DumpPrograms:
        encoding = observer.info.parameter_status("server_encoding")
        password = self._parameters.get("password")
        passfile = None
        if password is not None:
            passfile = self._stack.enter_context(private_passfile(password))
        return DumpPrograms(
            programs=find_client_programs(
                environment=self._environment, at_least=observer.info.server_version // 10000
            ),
            connection_string=quote_conninfo(self._parameters_of_programs()),
            environment=libpq_environment(
                inherited=self._environment,
                application_name=self._application,
                passfile=passfile,
                client_encoding="UTF8",
            ),
            timeout=self._source.max_duration,
            encoding=encoding if encoding == "SQL_ASCII" else None,
        )

    def _parameters_of_programs(self) -> dict[str, str]:
        shown = {name: text for name, text in self._parameters.items() if name != "password"}
        options = f"{shown['options']} {NOTICE_DEAD_CLIENTS} {STANDARD_STRINGS}"
        return {**shown, "options": options.strip()}

    def _hold(
        self, observer: Connection, programs: DumpPrograms
    ) -> tuple[HeldSnapshot, list[PsqlSession]]:
        deadline = self._clock.monotonic() + self._source.lock_timeout.total_seconds()
        while True:
            held = hold_snapshot(
                lambda: self._session(lock_timeout=ATTEMPT),
                observer,
                selection=self._request.selection,
                lock_timeout=self._source.lock_timeout,
                clock=self._clock,
            )
            attempt = ExitStack()
            attempt.callback(held.coordinator.close)
            try:
                sessions = [
                    self._worker(attempt, held, programs) for _ in range(self._request.workers)
                ]
            except LockTimeoutError:
                # Somebody queued for a table after we had it: give way, and start over.
                attempt.close()
                if self._clock.monotonic() > deadline:
                    raise
            except BaseException:
                attempt.close()
                raise
            else:
                self._stack.push(attempt)
                return held, sessions

    def _worker(
        self, attempt: ExitStack, held: HeldSnapshot, programs: DumpPrograms
    ) -> PsqlSession:
        session = attempt.enter_context(
            PsqlSession(
                programs.programs.path("psql"),
                connection_string=programs.connection_string,
                environment=programs.environment,
                stall_timeout=self._source.stall_timeout,
            )
        )
        join_snapshot(session, held, held.coordinator.info.server_version)
        return session

    def _start_schema_dump(self, programs: DumpPrograms, held: HeldSnapshot) -> Future[bytes]:
        executor = self._stack.enter_context(ThreadPoolExecutor(1, thread_name_prefix="pg_dump"))
        schema = executor.submit(programs.dump_schema, held.name, self._source.lock_timeout)
        # A run that failed must not wait for a pg_dump that waits for locks, or for a frozen server.
        self._stack.callback(programs.kill)
        return schema

    def _watch(
        self, held: HeldSnapshot, observer: Connection, on_failure: Sequence[Callable[[], None]]
    ) -> Watch:
        watch = Watch(
            coordinator=held.coordinator,
            observer=observer,
            clock=self._clock,
            max_duration=self._source.max_duration,
            yield_after=self._source.yield_after,
        )
        watch.start(*on_failure)
        self._stack.callback(watch.stop)
        return watch
