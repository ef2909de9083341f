"""What no dump of one database carries: its properties, roles, and the server's identity (rule 9)."""

from orchestrator.engines.postgres.backup.tables.relations import Connection
from orchestrator.model.contents import (
    DatabaseProperties,
    DatabaseSetting,
    Role,
    ServerIdentity,
)

_IDENTITY = """
SELECT (SELECT system_identifier::text FROM pg_catalog.pg_control_system()), d.oid::bigint,
       pg_catalog.current_setting('server_version'),
       pg_catalog.current_setting('server_version_num')::int, pg_catalog.pg_is_in_recovery()
FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()
"""

_PROPERTIES = """
SELECT d.datname, pg_catalog.pg_get_userbyid(d.datdba),
       pg_catalog.pg_encoding_to_char(d.encoding), d.datcollate, d.datctype, t.spcname,
       d.datacl::text[], d.datconnlimit, pg_catalog.shobj_description(d.oid, 'pg_database'),
       d.datistemplate, {provider}, {locale}, {icu_rules}, {collation_version}
FROM pg_catalog.pg_database d JOIN pg_catalog.pg_tablespace t ON t.oid = d.dattablespace
WHERE d.datname = pg_catalog.current_database()
"""

_SETTINGS = """
SELECT r.rolname, unnest(s.setconfig)
FROM pg_catalog.pg_db_role_setting s LEFT JOIN pg_catalog.pg_roles r ON r.oid = s.setrole
WHERE s.setdatabase = (SELECT d.oid FROM pg_catalog.pg_database d
                       WHERE d.datname = pg_catalog.current_database())
ORDER BY 1 NULLS FIRST, 2
"""

_ROLES = """
SELECT r.rolname, r.rolsuper, r.rolinherit, r.rolcreaterole, r.rolcreatedb, r.rolcanlogin,
       r.rolreplication, r.rolbypassrls, r.rolconnlimit, r.rolvaliduntil::text,
       array(SELECT g.rolname::text FROM pg_catalog.pg_auth_members m
             JOIN pg_catalog.pg_roles g ON g.oid = m.roleid WHERE m.member = r.oid ORDER BY 1),
       coalesce(r.rolconfig, '{}'), pg_catalog.shobj_description(r.oid, 'pg_authid')
FROM pg_catalog.pg_roles r WHERE r.rolname !~ '^pg_' ORDER BY 1
"""

_ATTRIBUTES = (
    "superuser",
    "inherit",
    "createrole",
    "createdb",
    "login",
    "replication",
    "bypassrls",
)

_PROVIDERS = {"c": "libc", "i": "icu", "b": "builtin"}


def read_identity(connection: Connection) -> ServerIdentity:
    """Return which server and database the connection leads to."""
    system, oid, version, number, in_recovery = _row(connection, _IDENTITY)
    return ServerIdentity(
        system_identifier=str(system),
        database_oid=int(str(oid)),
        version=str(version),
        version_number=int(str(number)),
        in_recovery=bool(in_recovery),
    )


def read_properties(connection: Connection) -> DatabaseProperties:
    """Return what is needed to create the same database again."""
    version = connection.info.server_version
    query = _PROPERTIES.format(**_locale_columns(version))
    (
        name, owner, encoding, collate, ctype, tablespace, acl, limit, comment, is_template,
        provider, locale, icu_rules, collation_version,
    ) = _row(connection, query)  # fmt: skip
    return DatabaseProperties(
        name=str(name),
        owner=str(owner),
        encoding=str(encoding),
        locale_provider=_PROVIDERS[str(provider)],
        collate=str(collate),
        ctype=str(ctype),
        locale=_text(locale),
        icu_rules=_text(icu_rules),
        collation_version=_text(collation_version),
        tablespace=str(tablespace),
        acl=_texts(acl),
        connection_limit=int(str(limit)),
        comment=_text(comment),
        settings=tuple(
            DatabaseSetting(role=_text(role), setting=str(setting))
            for role, setting in connection.execute(_SETTINGS)
        ),
        is_template=bool(is_template),
    )


def read_roles(connection: Connection) -> tuple[Role, ...]:
    """Return every role but the server's predefined ones, without passwords."""
    return tuple(_role(row) for row in connection.execute(_ROLES))


def _role(row: tuple[object, ...]) -> Role:
    name, *attributes = row[: 1 + len(_ATTRIBUTES)]
    limit, valid_until, member_of, settings, comment = row[1 + len(_ATTRIBUTES) :]
    return Role(
        name=str(name),
        attributes=dict(zip(_ATTRIBUTES, map(bool, attributes), strict=True)),
        connection_limit=int(str(limit)),
        valid_until=_text(valid_until),
        member_of=_texts(member_of) or (),
        settings=_texts(settings) or (),
        comment=_text(comment),
    )


def _locale_columns(version: int) -> dict[str, str]:
    # Columns of pg_database came with ICU for databases (15), its rules (16), and were renamed when
    # the builtin provider came (17); 14 knows libc alone.
    if version >= 170000:  # noqa: PLR2004
        locale = "d.datlocale"
    else:
        locale = "d.daticulocale" if version >= 150000 else "NULL"  # noqa: PLR2004
    return {
        "provider": "d.datlocprovider::text" if version >= 150000 else "'c'",  # noqa: PLR2004
        "locale": locale,
        "icu_rules": "d.daticurules" if version >= 160000 else "NULL",  # noqa: PLR2004
        "collation_version": "d.datcollversion" if version >= 150000 else "NULL",  # noqa: PLR2004
    }


def _row(connection: Connection, query: str) -> tuple[object, ...]:
    row = connection.execute(query.encode()).fetchone()
    if row is None:
        raise LookupError("the current database is not in pg_database")
    return row


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _texts(value: object) -> tuple[str, ...] | None:
    return tuple(str(item) for item in value) if isinstance(value, list) else None
