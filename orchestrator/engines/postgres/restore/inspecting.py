"""Looking at a target server before anything is created there."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from typing_extensions import override

from orchestrator.engines.postgres.identifiers import quote_identifier
from orchestrator.engines.postgres.restore.access import Access, Connection, restore_errors
from orchestrator.engines.postgres.restore.creating import creation_statement, require_free_name
from orchestrator.engines.postgres.restore.publication.owners import described
from orchestrator.engines.postgres.restore.publication.ownership import (
    owned_database,
    owned_entries,
    owned_objects,
)
from orchestrator.engines.postgres.restore.publication.role_needs import (
    OWNS,
    policy_roles,
    role_needs,
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

# A role that somebody makes is its maker's to use (SET) only for superusers, or if version 16 and later
# are told so.
_POWERS = """
SELECT current_user, r.rolcreatedb OR r.rolsuper, r.rolcreaterole OR r.rolsuper,
       r.rolsuper OR pg_catalog.current_setting('createrole_self_grant', true) ~ 'set'
FROM pg_catalog.pg_roles r WHERE r.rolname = current_user
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
            return _findings(connection, request, details, entries, left_out)


@dataclass(frozen=True, slots=True)
class _Roles:
    """The restoring role, what it may do, and the roles that there are or would be by then."""

    own: str
    may_create_databases: bool
    may_use_made: bool
    there: frozenset[str]
    made: tuple[str, ...]
    refused: tuple[str, ...]

    @property
    def known(self) -> frozenset[str]:
        return self.there | frozenset(self.made)


def _roles(connection: Connection, request: RestoreRequest) -> _Roles:
    own, databases, roles, use = connection.execute(_POWERS).fetchone() or ("", False, False, False)
    there = frozenset(_names(connection, _ROLES))
    wanted = tuple(role.name for role in request.roles if role.name not in there)
    return _Roles(
        own=str(own),
        may_create_databases=bool(databases),
        may_use_made=bool(use),
        there=there,
        made=wanted if roles else (),
        refused=() if roles else wanted,
    )


def _findings(
    connection: Connection,
    request: RestoreRequest,
    details: Details,
    entries: Sequence[ArchiveEntry],
    left_out: Sequence[str],
) -> TargetFindings:
    roles = _roles(connection, request)
    missing = (
        *_missing_roles(connection, request, details, entries, roles),
        *_missing_places(connection, details.properties, entries),
        *_missing_extensions(connection, roles.own, entries),
        *_disabled(entries),
    )
    return TargetFindings(
        server_version=str(connection.info.parameter_status("server_version")),
        obstacles=tuple(_obstacles(connection, request, details.properties, entries, roles)),
        missing=(*missing, *left_out),
        made=roles.made,
    )


def _obstacles(
    connection: Connection,
    request: RestoreRequest,
    properties: DatabaseProperties,
    entries: Sequence[ArchiveEntry],
    roles: _Roles,
) -> Iterator[str]:
    try:
        require_free_name(connection, request.final_name)
        creation_statement(request.final_name, properties, version=connection.info.server_version)
    except RestoreError as error:
        yield error.what
    if not roles.may_create_databases:
        yield f"the role {roles.own} may not create databases"
    for name in sorted(policy_roles(entries) - roles.known):
        yield (
            f"role {name}: a row security policy names it, and cannot be made without it"
            " (--with-roles)"
        )


def _missing_roles(
    connection: Connection,
    request: RestoreRequest,
    details: Details,
    entries: Sequence[ArchiveEntry],
    roles: _Roles,
) -> Iterator[str]:
    """Say what a missing role leaves out, and what the restoring role may not give away."""
    owned = owned_database(details.properties, request.ownership, restoring_role=roles.own)
    entries = list(owned_entries(entries, request.ownership))
    objects = owned_objects(details.large_objects, request.ownership, restoring_role=roles.own)
    needs = role_needs(entries, owned, objects)
    for name in sorted(needs.keys() - roles.known):
        yield f"role {name}: {'; '.join(needs[name]).format(role=roles.own)}"
    for name in roles.refused:
        yield f"role {name}: it would not be made, because {roles.own} may not create roles"
    right = "SET" if connection.info.server_version >= _SET_SINCE else "MEMBER"
    receivers = _names(connection, _RECEIVERS.format(right=right)) | {_IMPLICIT}
    receivers |= set(roles.made) if roles.may_use_made else set()
    handed = {entry.owner for entry in entries if described(entry)} | {owned.owner}
    handed |= {item.owner for item in objects}
    for owner in sorted(filter(None, (handed & roles.known) - receivers)):
        grant = f"GRANT {quote_identifier(owner)} TO {quote_identifier(roles.own)}"
        yield f"role {owner}: {OWNS.format(role=roles.own)}, who is no member ({grant})"


def _missing_places(
    connection: Connection, properties: DatabaseProperties, entries: Sequence[ArchiveEntry]
) -> Iterator[str]:
    locales = {_plain(locale) for locale in _names(connection, _LOCALES)} | _EVERYWHERE
    if properties.locale_provider == "libc" and _plain(properties.collate) not in locales:
        yield f"locale {properties.collate}: the server does not list it, and may refuse it"
    spaces = [entry.tablespace for entry in entries if entry.tablespace]
    for skipped in unusable_tablespaces(connection, [properties.tablespace, *spaces]):
        yield str(skipped)


def _disabled(entries: Sequence[ArchiveEntry]) -> Iterator[str]:
    for entry in entries:
        if entry.kind == "SUBSCRIPTION":
            yield f"subscription {entry.name}: it would come back disabled"


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
