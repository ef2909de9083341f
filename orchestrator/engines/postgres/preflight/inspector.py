"""The door of this room: looks at servers, databases and client programs, and returns findings."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime

import psycopg
from typing_extensions import override

from orchestrator.engines.postgres.backup.refusals.all_at_once import Intent, find_refusals
from orchestrator.engines.postgres.backup.tables.relations import Connection
from orchestrator.engines.postgres.identifiers import quote_identifier
from orchestrator.engines.postgres.preflight import advice
from orchestrator.engines.postgres.preflight.clients import say_holes
from orchestrator.engines.postgres.preflight.listing import (
    connect_somewhere,
    list_databases,
    read_clock,
)
from orchestrator.engines.postgres.programs import ClientPrograms, all_client_programs
from orchestrator.engines.postgres.session import (
    connect,
    connection_parameters,
    describe_server,
    translated_errors,
)
from orchestrator.errors import (
    ClientProgramError,
    DatabaseMissingError,
    MissingPrivilegeError,
    OrchestratorError,
)
from orchestrator.model.names import DatabaseName, Series
from orchestrator.model.policy import Policy, Source
from orchestrator.planning.alerting.causes import server_of
from orchestrator.ports.clock import Clock
from orchestrator.ports.preflight import Finding, ServerClock, Severity, SourceInspector, problem

APPLICATION = "orchestrator preflight"

Advice = Callable[[Connection], Iterator[Finding]]


class PostgresInspector(SourceInspector, ServerClock):
    """Looks at PostgreSQL servers."""

    def __init__(self, *, clock: Clock, environment: Mapping[str, str], workers: int = 2) -> None:
        """``environment`` finds client programs; ``workers`` read in parallel in each backup."""
        self._clock = clock
        self._environment = environment
        self._workers = workers

    @override
    def list_databases(self, source: Source) -> Sequence[DatabaseName]:
        return list_databases(source)

    @override
    def server_time(self, source: Source) -> datetime:
        return read_clock(source)

    @override
    def inspect_server(self, policy: Policy) -> Sequence[Finding]:
        subject, source = server_of(policy), policy.source
        found: list[Finding] = []
        try:
            with connect_somewhere(source.url, source) as session:
                found += _advise(
                    session,
                    subject,
                    lambda s: advice.warn_of_clock(s, subject, self._clock.now()),
                    lambda s: advice.warn_of_transport(s, subject),
                    lambda s: advice.warn_of_role(s, subject),
                    lambda s: advice.warn_of_standby(s, subject, allowed=source.max_standby_lag),
                    lambda s: advice.warn_of_programs(s, subject, self._environment),
                )
        except DatabaseMissingError:
            # Of databases that are missing, those say so that a policy names.
            pass
        except OrchestratorError as error:
            return [problem(subject, error)]
        return [*found, *self._inspect_restores(policy)]

    def _inspect_restores(self, policy: Policy) -> Sequence[Finding]:
        source = policy.source
        is_own = source.restore_url != source.url
        subject = f"restore_url of {policy.name}"
        try:
            with connect_somewhere(source.restore_url, source) as session:
                checks: list[Advice] = [
                    lambda s: advice.warn_of_restore_role(s, subject, is_own=is_own)
                ]
                if is_own:
                    checks.append(lambda s: advice.warn_of_transport(s, subject))
                return _advise(session, subject, *checks)
        except OrchestratorError as error:
            # Backups are taken without it; whoever needs it needs it at once.
            return [problem(subject, error)]

    @override
    def inspect_database(self, policy: Policy, database: DatabaseName) -> Sequence[Finding]:
        subject = str(Series(policy.name, database))
        try:
            with self._connect(policy.source, database) as session:
                refusals = find_refusals(session, self._intent(policy, database))
                found = [problem(subject, error) for error in refusals]
                return [*found, *self._advise_of_database(session, policy, subject)]
        except OrchestratorError as error:
            return [problem(subject, _with_grant(error, policy.source, database))]

    def _advise_of_database(
        self, session: Connection, policy: Policy, subject: str
    ) -> Sequence[Finding]:
        return _advise(
            session,
            subject,
            lambda s: advice.note_timeouts(s, subject),
            lambda s: advice.warn_of_tables(s, subject, policy.tables),
        )

    def _intent(self, policy: Policy, database: DatabaseName) -> Intent:
        parameters = connection_parameters(
            policy.source.url, database=database, application_name=APPLICATION
        )
        return Intent(
            subject=describe_server(parameters),
            source=policy.source,
            selection=policy.tables,
            workers=self._workers,
            environment=self._environment,
        )

    def _connect(self, source: Source, database: DatabaseName) -> Connection:
        return connect(
            source.url,
            database=database,
            application_name=APPLICATION,
            patience=source.stall_timeout,
        )

    @override
    def inspect_programs(self) -> Sequence[Finding]:
        try:
            programs = all_client_programs(environment=self._environment)
        except ClientProgramError as error:
            return [problem("client programs", error)]
        return [_describe(one) for one in programs]


def _advise(session: Connection, subject: str, *checks: Advice) -> Sequence[Finding]:
    """Ask everything; what cannot be found out is no reason to stop, and is said."""
    found: list[Finding] = []
    for check in checks:
        try:
            with translated_errors(subject):
                found += check(session)
        except OrchestratorError as error:
            if session.closed:
                raise
            if not _is_known_refusal(error):
                found.append(problem(subject, error))
    return found


def _is_known_refusal(error: OrchestratorError) -> bool:
    """Whether `find_refusals` said it already: the tables of a selection cannot be resolved."""
    return error.code in {"ORC-206", "ORC-207"}


def _with_grant(
    error: OrchestratorError, source: Source, database: DatabaseName
) -> OrchestratorError:
    """Say the SQL that lets the role in, where the server only says that it may not."""
    if "permission denied for database" not in error.what:
        return error
    parameters = psycopg.conninfo.conninfo_to_dict(source.url.reveal())
    role = quote_identifier(str(parameters.get("user", "the_backup_role")))
    return MissingPrivilegeError(
        error.what,
        next_step=f"as a superuser: GRANT CONNECT ON DATABASE {quote_identifier(database)}"
        f" TO {role};",
    )


def _describe(programs: ClientPrograms) -> Finding:
    major, minor = programs.version
    said = say_holes(programs)
    if said is None:
        return Finding(
            severity=Severity.NOTE,
            subject="client programs",
            what=f"{major}.{minor} in {programs.directory}, for servers up to {major}",
        )
    return Finding(
        severity=Severity.WARNING, subject="client programs", what=said[0], next_step=said[1]
    )
