"""Creating the database under its temporary name, closed to everybody else from its first moment.

The recorded encoding, provider and locale are taken as they are: a locale that the server does
not know is an error, never silently another one (reference/postgres.md §2, rows 36 and 37).
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import psycopg

from orchestrator.engines.postgres.identifiers import quote_identifier, quote_literal
from orchestrator.engines.postgres.restore.access import Connection, restore_errors
from orchestrator.engines.postgres.restore.tablespaces import unusable_tablespaces
from orchestrator.engines.postgres.set_aside import RESTORING
from orchestrator.errors import RestoreError, TargetExistsError
from orchestrator.model.contents import DatabaseProperties, SkippedEntry

_log = logging.getLogger(__name__)

_LONGEST_NAME = 63  # bytes; PostgreSQL cuts longer names off with no more than a notice
# The server needs a moment to notice that a killed process is gone.
_LOCK_WAIT = "3s"
_PROVIDERS_SINCE, _RULES_SINCE, _BUILTIN_SINCE = 150000, 160000, 170000

_LEFTOVER = """
SELECT pg_catalog.shobj_description(d.oid, 'pg_database'), d.datallowconn,
       CASE WHEN NOT d.datallowconn THEN pg_catalog.pg_database_size(d.oid)
            <= pg_catalog.pg_database_size(t.oid) END
  FROM pg_catalog.pg_database d, pg_catalog.pg_database t
 WHERE d.datname = %s AND t.datname = 'template0'
"""


@dataclass(frozen=True, slots=True)
class Created:
    """What creating a database left out, and what it made besides, in words."""

    skipped: Sequence[SkippedEntry] = ()
    notes: Sequence[str] = ()


def warn_of_superuser(maintenance: Connection) -> None:
    """Write into the log if code of the backup will run with every power (rule 7 of restoring)."""
    if maintenance.info.parameter_status("is_superuser") == "on":
        _log.warning(
            "restoring_as_superuser",
            extra={
                "what": f"functions, defaults and triggers of the backup run as the superuser"
                f" {maintenance.info.user!r}, and may do anything to this server",
                "next_step": "let source.restore_url, or --at-server, name a role with CREATEDB that"
                " is no superuser; extensions and some accessories may be left out then",
            },
        )


def require_free_name(maintenance: Connection, final_name: str) -> None:
    """Do nothing if no database has the final name, and it can be one.

    Raises:
        TargetExistsError: it is taken.
        RestoreError: it is empty, or longer than PostgreSQL's 63 bytes.
    """
    if not 0 < len(final_name.encode("utf-8", "surrogateescape")) <= _LONGEST_NAME:
        raise RestoreError(
            f"the database name {final_name!r} is empty or longer than {_LONGEST_NAME} bytes",
            next_step="choose another name for --into-new",
        )
    query = "SELECT 1 FROM pg_catalog.pg_database WHERE datname = %s"
    if maintenance.execute(query, [final_name]).fetchone():
        raise name_taken(final_name)


def name_taken(final_name: str) -> TargetExistsError:
    """Return the error that says so."""
    return TargetExistsError(
        f"there is a database {final_name!r} on the target server already",
        next_step="choose another name for --into-new, or rename or drop that database yourself",
    )


def drop_leftover(maintenance: Connection, name: str, *, drop_command: str) -> None:
    """Drop what a killed restore left under its temporary name, if that is what it is.

    Ours carries our mark, or was killed before it could: then it has never let anybody in and is
    no larger than ``template0``. The caller holds the lock of `lock_name`, so whoever is still
    connected is a child of the killed restore.

    Raises:
        RestoreError: a database of that name is there that is not recognisably ours.
    """
    found = maintenance.execute(_LEFTOVER, [name]).fetchone()
    if found is None:
        return
    comment, _open, is_empty = found
    if not str(comment or "").startswith(RESTORING) and not (comment is None and is_empty):
        raise RestoreError(
            f"the temporary name {name!r} is taken by a database that no restore created",
            next_step=f"look at it; if nobody needs it, drop it: {drop_command}",
        )
    with restore_errors(
        f"what a killed restore left as {name!r} could not be dropped",
        next_step=f"drop it yourself: {drop_command}",
    ):
        maintenance.execute(f"DROP DATABASE {quote_identifier(name)} WITH (FORCE)".encode())


def lock_name(maintenance: Connection, name: str) -> None:
    """Hold, until ``maintenance`` is closed, the right to build a database of that name.

    Raises:
        RestoreError: another restore that still runs holds it.
    """
    query = "SELECT pg_catalog.pg_advisory_lock(pg_catalog.hashtextextended(%s, 0))"
    try:
        with maintenance.transaction():
            maintenance.execute(f"SET LOCAL lock_timeout = '{_LOCK_WAIT}'".encode())
            maintenance.execute(query, [f"{RESTORING}: {name}"])
    except psycopg.errors.LockNotAvailable as error:
        raise RestoreError(
            f"another restore is building {name!r} right now",
            next_step="wait until it ends, or end it",
        ) from error


def create_closed_database(
    maintenance: Connection, name: str, properties: DatabaseProperties
) -> list[SkippedEntry]:
    """Create the database, marked as ours, with nobody but its owner allowed to connect.

    Returns the recorded tablespace if it cannot be used.

    Raises:
        RestoreError: the server does not take encoding, provider or locale, or the role may not
            create databases.
    """
    skipped = unusable_tablespaces(maintenance, [properties.tablespace])
    version = maintenance.info.server_version
    if version >= _RULES_SINCE:
        maintenance.execute("SET icu_validation_level = error")
    with restore_errors(
        f"the server cannot create a database with {_described(properties)}",
        next_step="restore to a server whose operating system and version know this locale, "
        "with a role that has CREATEDB",
    ):
        statement = creation_statement(name, properties, version=version)
        # Naming the default would need a privilege that leaving it out does not.
        if not skipped and properties.tablespace != "pg_default":
            statement += f" TABLESPACE = {quote_identifier(properties.tablespace)}"
        _create(maintenance, statement)
        quoted = quote_identifier(name)
        maintenance.execute(
            f"COMMENT ON DATABASE {quoted} IS {quote_literal(RESTORING)};"
            f"REVOKE ALL ON DATABASE {quoted} FROM PUBLIC;"
            f"ALTER DATABASE {quoted} ALLOW_CONNECTIONS true".encode()
        )
    return skipped


def _create(maintenance: Connection, statement: str) -> None:
    try:
        maintenance.execute(statement.encode())
    except psycopg.errors.InsufficientPrivilege as error:
        role = maintenance.info.user
        raise RestoreError(
            f"the role {role!r} may not create databases",
            next_step=f"as a superuser: ALTER ROLE {quote_identifier(role)} CREATEDB;"
            " or name a role that may in source.restore_url",
        ) from error


def creation_statement(name: str, properties: DatabaseProperties, *, version: int) -> str:
    """Return CREATE DATABASE with the recorded properties, for a server such as 170010.

    Raises:
        RestoreError: this server's version does not have the recorded locale provider.
    """
    options = {
        "TEMPLATE": "template0",
        "ENCODING": quote_literal(properties.encoding),
        "LC_COLLATE": quote_literal(properties.collate),
        "LC_CTYPE": quote_literal(properties.ctype),
        "ALLOW_CONNECTIONS": "false",
    }
    options |= _provider_options(properties, version)
    words = " ".join(f"{key} = {value}" for key, value in options.items())
    return f"CREATE DATABASE {quote_identifier(name)} WITH {words}"


def _provider_options(properties: DatabaseProperties, version: int) -> dict[str, str]:
    provider = properties.locale_provider
    needed = {"libc": 0, "icu": _PROVIDERS_SINCE, "builtin": _BUILTIN_SINCE}.get(provider)
    if needed is None or version < needed:
        raise RestoreError(
            f"the backup's database uses the locale provider {provider!r}, which PostgreSQL "
            f"{version // 10000} does not have",
            next_step="restore to a server of the version that the backup came from, or newer",
        )
    if version < _PROVIDERS_SINCE:
        return {}
    options = {"LOCALE_PROVIDER": provider}
    if provider == "icu":
        options["ICU_LOCALE"] = quote_literal(properties.locale or "")
        if properties.icu_rules is not None:
            options["ICU_RULES"] = quote_literal(properties.icu_rules)
    if provider == "builtin":
        options["BUILTIN_LOCALE"] = quote_literal(properties.locale or "")
    return options


def _described(properties: DatabaseProperties) -> str:
    locale = f", {properties.locale!r}" if properties.locale else ""
    return (
        f"encoding {properties.encoding}, collation {properties.collate!r}, character type "
        f"{properties.ctype!r} (provider {properties.locale_provider}{locale})"
    )
