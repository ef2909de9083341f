"""Looking at a target server before anything is created there."""

from collections.abc import Iterator, Mapping, Sequence

from typing_extensions import override

from orchestrator.engines.postgres.identifiers import quote_identifier
from orchestrator.engines.postgres.restore.access import Access, Connection, restore_errors
from orchestrator.engines.postgres.restore.creating import creation_statement, require_free_name
from orchestrator.engines.postgres.restore.publication.owners import described
from orchestrator.engines.postgres.restore.publication.ownership import (
    owned_database,
    owned_entries,
)
from orchestrator.engines.postgres.restore.schema.archive_contents import (
    ArchiveEntry,
    read_archive_contents,
)
from orchestrator.engines.postgres.restore.schema.chosen_tables import choose_entries
from orchestrator.engines.postgres.restore.tablespaces import unusable_tablespaces
from orchestrator.errors import RestoreError
from orchestrator.model.contents import DatabaseProperties, Details
from orchestrator.ports.engine import RestoreRequest
from orchestrator.ports.restoring.target_inspection import TargetFindings, TargetInspector

_ROLE = """
SELECT r.rolcreatedb OR r.rolsuper, current_user FROM pg_catalog.pg_roles r
WHERE r.rolname = current_user
"""
_ROLES = "SELECT r.rolname FROM pg_catalog.pg_roles r"
# What ALTER … OWNER TO asks for: to be a member, and since version 16 to be one with SET.
_RECEIVERS = """
SELECT r.rolname FROM pg_catalog.pg_roles r WHERE pg_catalog.pg_has_role(r.oid, '{right}')
"""
_EXTENSIONS = "SELECT e.name FROM pg_catalog.pg_available_extensions e"
_CREATABLE = """
SELECT e.name FROM pg_catalog.pg_available_extensions e
JOIN pg_catalog.pg_available_extension_versions v ON (v.name, v.version) = (e.name, e.default_version)
WHERE v.trusted OR NOT v.superuser
   OR (SELECT r.rolsuper FROM pg_catalog.pg_roles r WHERE r.rolname = current_user)
"""
_SET_SINCE = 160000
_IMPLICIT = "pg_database_owner"
"""Whoever owns the database is a member of this role; while it is restored that is us."""
_LOCALES = """
SELECT c.collcollate FROM pg_catalog.pg_collation c WHERE c.collcollate IS NOT NULL
UNION SELECT d.datcollate FROM pg_catalog.pg_database d
"""
_EVERYWHERE = frozenset({"c", "posix"})


class PostgresTargetInspector(TargetInspector):
    """Looks at servers of PostgreSQL 14 to 18."""

    def __init__(self, *, environment: Mapping[str, str]) -> None:
        """``environment`` finds password files and service files."""
        self._environment = environment

    @override
    def inspect(
        self, request: RestoreRequest, details: Details, schema_archive: bytes
    ) -> TargetFindings:
        access = Access(
            url=request.url,
            application_name=request.application_name,
            environment=self._environment,
            stall_timeout=request.stall_timeout,
        )
        entries = read_archive_contents(schema_archive).entries
        left_out: list[str] = []
        if request.tables is not None:
            chosen, skipped = choose_entries(entries, request.tables)
            entries, left_out = tuple(chosen), [str(entry) for entry in skipped]
        with (
            access.connect_for_maintenance() as connection,
            restore_errors("looking at the target server", next_step="see the server's log"),
        ):
            return TargetFindings(
                server_version=str(connection.info.parameter_status("server_version")),
                obstacles=tuple(_obstacles(connection, request, details.properties)),
                missing=(*_missing(connection, request, details.properties, entries), *left_out),
            )


def _obstacles(
    connection: Connection, request: RestoreRequest, properties: DatabaseProperties
) -> Iterator[str]:
    try:
        require_free_name(connection, request.final_name)
        creation_statement(request.final_name, properties, version=connection.info.server_version)
    except RestoreError as error:
        yield error.what
    row = connection.execute(_ROLE).fetchone()
    if row is not None and not row[0]:
        yield f"the role {row[1]} may not create databases"


def _missing(
    connection: Connection,
    request: RestoreRequest,
    properties: DatabaseProperties,
    entries: Sequence[ArchiveEntry],
) -> Iterator[str]:
    row = connection.execute("SELECT current_user").fetchone()
    role = "" if row is None else str(row[0])
    owned = owned_database(properties, request.ownership, restoring_role=role)
    owned_objects = list(owned_entries(entries, request.ownership))
    owners = {entry.owner for entry in owned_objects} | {owned.owner}
    known = _names(connection, _ROLES)
    for owner in sorted(filter(None, owners - known)):
        yield f"role {owner}: what it owns would stay with {role}"
    right = "SET" if connection.info.server_version >= _SET_SINCE else "MEMBER"
    receivers = _names(connection, _RECEIVERS.format(right=right)) | {_IMPLICIT}
    handed = {entry.owner for entry in owned_objects if described(entry)} | {owned.owner}
    for owner in sorted(filter(None, (handed & known) - receivers)):
        grant = f"GRANT {quote_identifier(owner)} TO {quote_identifier(role)}"
        yield f"role {owner}: what it owns would stay with {role}, who is no member ({grant})"
    locales = {_plain(locale) for locale in _names(connection, _LOCALES)} | _EVERYWHERE
    if properties.locale_provider == "libc" and _plain(properties.collate) not in locales:
        yield f"locale {properties.collate}: the server does not list it, and may refuse it"
    yield from _missing_extensions(connection, role, entries)
    for entry in entries:
        if entry.kind == "SUBSCRIPTION":
            yield f"subscription {entry.name}: it would come back disabled"
    spaces = [entry.tablespace for entry in entries if entry.tablespace]
    for skipped in unusable_tablespaces(connection, [properties.tablespace, *spaces]):
        yield str(skipped)


def _missing_extensions(
    connection: Connection, role: str, entries: Sequence[ArchiveEntry]
) -> Iterator[str]:
    available, creatable = _names(connection, _EXTENSIONS), _names(connection, _CREATABLE)
    for entry in entries:
        if entry.kind != "EXTENSION":
            continue
        if entry.name not in available:
            yield f"extension {entry.name}: it is not installed there"
        elif entry.name not in creatable:
            yield f"extension {entry.name}: only a superuser may create it, and {role} is none"


def _names(connection: Connection, query: str) -> set[str]:
    return {str(name) for (name,) in connection.execute(query.encode())}


def _plain(locale: str) -> str:
    # ``en_GB.UTF-8`` and ``en_GB.utf8`` are one.
    return locale.lower().replace("-", "")
