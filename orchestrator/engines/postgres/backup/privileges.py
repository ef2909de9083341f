"""May the backup role read everything that the backup needs? Asked before anything is locked.

The schema archive locks every table of the database, so a missing privilege on any of them fails
the run; row-level security would hide rows without an error (reference/faults.md M5, M6).
"""

from orchestrator.engines.postgres.backup.tables.relations import Connection
from orchestrator.engines.postgres.identifiers import qualified, quote_identifier
from orchestrator.errors import MissingPrivilegeError
from orchestrator.model.contents import TableName

_SCHEMAS = """
SELECT n.nspname FROM pg_catalog.pg_namespace n
WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  AND NOT pg_catalog.has_schema_privilege(n.oid, 'USAGE') ORDER BY 1
"""

_RELATIONS = """
SELECT n.nspname, c.relname, c.relkind::text
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'S') AND c.relpersistence <> 't'
  AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  AND NOT CASE WHEN c.relkind = 'S' THEN pg_catalog.has_sequence_privilege(c.oid, 'SELECT')
               ELSE pg_catalog.has_table_privilege(c.oid, 'SELECT') END
ORDER BY 1, 2
"""

_ROW_SECURITY = """
SELECT n.nspname, c.relname
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND c.relrowsecurity AND pg_catalog.row_security_active(c.oid)
ORDER BY 1, 2
"""

_LARGE_OBJECTS = """
SELECT EXISTS (SELECT FROM pg_catalog.pg_largeobject_metadata)
   AND NOT pg_catalog.has_table_privilege('pg_catalog.pg_largeobject', 'SELECT')
"""


def require_privileges(connection: Connection) -> None:
    """Do nothing if the role of the connection may read every table, sequence and large object.

    Raises:
        MissingPrivilegeError: with every missing grant as SQL that is ready to be run.
    """
    missing = missing_grants(connection)
    if missing:
        raise MissingPrivilegeError(
            f"the backup role lacks {len(missing)} privilege{'s' if len(missing) > 1 else ''}"
            " in this database",
            next_step="as a superuser, run in this database:\n  " + "\n  ".join(missing),
        )


def missing_grants(connection: Connection) -> list[str]:
    """Return the SQL statements that would give the role what it lacks; none if it lacks nothing."""
    role = quote_identifier(str(_value(connection, "SELECT current_user")))
    grants = [
        f"GRANT USAGE ON SCHEMA {quote_identifier(str(schema))} TO {role};"
        for (schema,) in connection.execute(_SCHEMAS)
    ]
    grants += [
        f"GRANT SELECT ON {'SEQUENCE' if kind == 'S' else 'TABLE'}"
        f" {qualified(TableName(str(schema), str(name)))} TO {role};"
        for schema, name, kind in connection.execute(_RELATIONS)
    ]
    if _value(connection, _LARGE_OBJECTS):
        # A grant on the catalog's own table would do, but it would be part of every schema dump
        # from then on, and who restores as no superuser may not repeat it.
        grants.append(f"GRANT pg_read_all_data TO {role};  -- large objects")
    hidden = [f"{schema}.{name}" for schema, name in connection.execute(_ROW_SECURITY)]
    if hidden:
        tables = ", ".join(hidden).replace("\n", " ")
        grants.append(f"ALTER ROLE {role} BYPASSRLS;  -- row-level security on {tables}")
    return grants


def _value(connection: Connection, query: str) -> object:
    row = connection.execute(query.encode()).fetchone()
    return None if row is None else row[0]
