"""The target engine: creates a database under a temporary name, closed to everybody else."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress

import psycopg
from typing_extensions import override

from orchestrator.engines.postgres.restore.access import Access, Connection
from orchestrator.engines.postgres.restore.creating import (
    Created,
    create_closed_database,
    drop_leftover,
    lock_name,
    require_free_name,
    warn_of_superuser,
)
from orchestrator.engines.postgres.restore.new_database import PostgresNewDatabase
from orchestrator.engines.postgres.restore.publication.database_settings import (
    apply_settings,
    comes_late,
)
from orchestrator.engines.postgres.restore.publication.owners import described
from orchestrator.engines.postgres.restore.publication.roles import create_missing_roles
from orchestrator.engines.postgres.restore.schema.archive_contents import read_archive_contents
from orchestrator.engines.postgres.restore.schema.attempts import Attempts
from orchestrator.engines.postgres.restore.schema.partitions import read_partitions
from orchestrator.errors import OrchestratorError
from orchestrator.model.contents import DatabaseProperties, Partition
from orchestrator.ports.engine import NewDatabase, RestoreRequest, TargetEngine

_END_SESSIONS = """
SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity
 WHERE datname = %s AND usename = current_user AND pid <> pg_catalog.pg_backend_pid()
"""
_EXISTS = "SELECT 1 FROM pg_catalog.pg_database WHERE datname = %s"


class PostgresTarget(TargetEngine):
    """Restores to PostgreSQL 14 to 18, as a superuser or as a role with CREATEDB."""

    def __init__(self, *, environment: Mapping[str, str]) -> None:
        """``environment`` finds client programs, password files and service files."""
        self._environment = environment

    @override
    def create_database(
        self, request: RestoreRequest, properties: DatabaseProperties
    ) -> AbstractContextManager[NewDatabase]:
        return self._created(request, properties)

    @override
    def read_partitions(self, schema_archive: bytes) -> Sequence[Partition]:
        return read_partitions(read_archive_contents(schema_archive).entries)

    @override
    def read_owners(self, schema_archive: bytes) -> frozenset[str]:
        entries = read_archive_contents(schema_archive).entries
        return frozenset(entry.owner for entry in entries if entry.owner and described(entry))

    @contextmanager
    def _created(
        self, request: RestoreRequest, properties: DatabaseProperties
    ) -> Iterator[NewDatabase]:
        access = Access(
            url=request.url,
            application_name=request.application_name,
            environment=self._environment,
            stall_timeout=request.stall_timeout,
        )
        with ExitStack() as stack:
            maintenance = stack.enter_context(access.connect_for_maintenance())
            created = _create(maintenance, request, properties, access)
            stack.callback(_end_sessions, maintenance, request.temporary_name)
            try:
                database = _opened(stack, maintenance, request, properties, access, created)
                stack.callback(database.close)
                yield database
            except OrchestratorError as error:
                _add_drop_command(error, maintenance, request, access)
                _add_what_stays(error, created)
                raise


def _create(
    maintenance: Connection,
    request: RestoreRequest,
    properties: DatabaseProperties,
    access: Access,
) -> Created:
    temporary_name = request.temporary_name
    require_free_name(maintenance, request.final_name)
    warn_of_superuser(maintenance)
    lock_name(maintenance, temporary_name)
    drop_leftover(maintenance, temporary_name, drop_command=access.drop_command(temporary_name))
    try:
        skipped = create_closed_database(maintenance, temporary_name, properties)
    except OrchestratorError as error:
        _add_drop_command(error, maintenance, request, access)
        raise
    attempts = Attempts(maintenance)
    notes = create_missing_roles(attempts, request.roles)
    early = [setting for setting in properties.settings if not comes_late(setting)]
    apply_settings(attempts, temporary_name, early)
    return Created(skipped + attempts.skipped, notes)


def _opened(
    stack: ExitStack,
    maintenance: Connection,
    request: RestoreRequest,
    properties: DatabaseProperties,
    access: Access,
    created: Created,
) -> PostgresNewDatabase:
    connections = [
        stack.enter_context(access.connect(request.temporary_name))
        for _ in range(max(1, request.workers))
    ]
    return PostgresNewDatabase(
        request,
        properties,
        access=access,
        maintenance=maintenance,
        connections=connections,
        created=created,
    )


def _end_sessions(maintenance: Connection, database: str) -> None:
    # A pg_restore that was killed may leave its workers behind, each in the midst of a statement.
    with suppress(psycopg.Error, OrchestratorError):
        maintenance.execute(_END_SESSIONS, [database])


def _add_what_stays(error: OrchestratorError, created: Created) -> None:
    if created.notes:
        error.next_step += f"; what was made beside it stays: {'; '.join(created.notes)}"


def _add_drop_command(
    error: OrchestratorError, maintenance: Connection, request: RestoreRequest, access: Access
) -> None:
    name = request.temporary_name
    exists = True  # unless the server says otherwise: it may be what failed
    with suppress(psycopg.Error, OrchestratorError):
        exists = maintenance.execute(_EXISTS, [name]).fetchone() is not None
    if exists:
        command = access.drop_command(name)
        error.next_step += (
            f"; what was built so far is the database {name!r}: drop it with {command}"
        )
