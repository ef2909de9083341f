"""Proof that what had to be recreated exists: pg_restore's exit status alone shows nothing.

Every required entry of the archive is looked up, by its exact schema and name, in the catalog of
the server (reference/postgres.md §2, rows 8, 9, 24).
"""

from collections.abc import Iterable

from orchestrator.engines.postgres.restore.access import Connection
from orchestrator.engines.postgres.restore.schema.archive_contents import ArchiveEntry
from orchestrator.errors import RestoreError

_SHOWN = 5

# Its tag cannot be rebuilt from the catalog without knowing pg_dump's inside; there is none in
# nearly every database, and pg_restore stops at the first that fails.
_NOT_PROVABLE = frozenset({"TRANSFORM"})

# kind, schema (NULL for what has none) and name as pg_dump writes it. A name that belongs to a
# table is the table's, a space, and its own. The first `text` makes all of them text: `name` would
# cut signatures and joined names off after 63 bytes.
_EXISTING = r"""
SELECT CASE relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'S' THEN 'SEQUENCE'
         WHEN 'f' THEN 'FOREIGN TABLE' WHEN 'i' THEN 'INDEX' WHEN 'I' THEN 'INDEX'
         WHEN 'c' THEN 'TYPE' ELSE 'TABLE' END, n.nspname, relname::text
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = relnamespace
UNION ALL SELECT 'SCHEMA', NULL, nspname FROM pg_catalog.pg_namespace
UNION ALL SELECT kind, n.nspname, typname FROM pg_catalog.pg_type t
  JOIN pg_catalog.pg_namespace n ON n.oid = typnamespace,
  unnest(CASE typtype WHEN 'd' THEN '{DOMAIN}'::text[] ELSE '{TYPE,SHELL TYPE}' END) kind
UNION ALL SELECT CASE prokind WHEN 'a' THEN 'AGGREGATE' WHEN 'p' THEN 'PROCEDURE'
         ELSE 'FUNCTION' END, n.nspname, proname || '(' || coalesce(
           (SELECT string_agg(CASE WHEN argument = 0 THEN 'any'
                     ELSE pg_catalog.format_type(argument, NULL) END, ', ' ORDER BY place)
              FROM unnest(proargtypes::oid[]) WITH ORDINALITY a(argument, place)),
           CASE prokind WHEN 'a' THEN '*' ELSE '' END) || ')'
  FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = pronamespace
UNION ALL SELECT CASE contype WHEN 'f' THEN 'FK CONSTRAINT' ELSE kind END, n.nspname,
         coalesce(relname, typname) || ' ' || conname
  FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_namespace n ON n.oid = connamespace
  LEFT JOIN pg_catalog.pg_class c ON c.oid = conrelid
  LEFT JOIN pg_catalog.pg_type t ON t.oid = contypid,
  unnest('{CONSTRAINT,CHECK CONSTRAINT}'::text[]) kind
UNION ALL SELECT 'TRIGGER', n.nspname, relname || ' ' || tgname
  FROM pg_catalog.pg_trigger JOIN pg_catalog.pg_class c ON c.oid = tgrelid
  JOIN pg_catalog.pg_namespace n ON n.oid = relnamespace
UNION ALL SELECT 'RULE', n.nspname, relname || ' ' || rulename
  FROM pg_catalog.pg_rewrite JOIN pg_catalog.pg_class c ON c.oid = ev_class
  JOIN pg_catalog.pg_namespace n ON n.oid = relnamespace
UNION ALL SELECT 'POLICY', n.nspname, relname || ' ' || polname
  FROM pg_catalog.pg_policy JOIN pg_catalog.pg_class c ON c.oid = polrelid
  JOIN pg_catalog.pg_namespace n ON n.oid = relnamespace
UNION ALL SELECT 'ROW SECURITY', n.nspname, relname
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = relnamespace
  WHERE relrowsecurity
UNION ALL SELECT 'DEFAULT', n.nspname, relname || ' ' || attname
  FROM pg_catalog.pg_attrdef JOIN pg_catalog.pg_class c ON c.oid = adrelid
  JOIN pg_catalog.pg_attribute ON attrelid = adrelid AND attnum = adnum
  JOIN pg_catalog.pg_namespace n ON n.oid = relnamespace
UNION ALL SELECT CASE relkind WHEN 'i' THEN 'INDEX ATTACH' WHEN 'I' THEN 'INDEX ATTACH'
         ELSE 'TABLE ATTACH' END, n.nspname, relname
  FROM pg_catalog.pg_inherits JOIN pg_catalog.pg_class c ON c.oid = inhrelid
  JOIN pg_catalog.pg_namespace n ON n.oid = relnamespace WHERE relispartition
UNION ALL SELECT 'SEQUENCE OWNED BY', n.nspname, relname
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = relnamespace
  JOIN pg_catalog.pg_depend d ON d.objid = c.oid AND d.classid = 'pg_catalog.pg_class'::regclass
  WHERE relkind = 'S' AND deptype IN ('a', 'i')
UNION ALL SELECT 'STATISTICS', n.nspname, stxname
  FROM pg_catalog.pg_statistic_ext JOIN pg_catalog.pg_namespace n ON n.oid = stxnamespace
UNION ALL SELECT 'COLLATION', n.nspname, collname
  FROM pg_catalog.pg_collation JOIN pg_catalog.pg_namespace n ON n.oid = collnamespace
UNION ALL SELECT 'CONVERSION', n.nspname, conname
  FROM pg_catalog.pg_conversion JOIN pg_catalog.pg_namespace n ON n.oid = connamespace
UNION ALL SELECT 'OPERATOR', n.nspname, oprname
  FROM pg_catalog.pg_operator JOIN pg_catalog.pg_namespace n ON n.oid = oprnamespace
UNION ALL SELECT 'OPERATOR CLASS', n.nspname, opcname
  FROM pg_catalog.pg_opclass JOIN pg_catalog.pg_namespace n ON n.oid = opcnamespace
UNION ALL SELECT 'OPERATOR FAMILY', n.nspname, opfname
  FROM pg_catalog.pg_opfamily JOIN pg_catalog.pg_namespace n ON n.oid = opfnamespace
UNION ALL SELECT 'TEXT SEARCH CONFIGURATION', n.nspname, cfgname
  FROM pg_catalog.pg_ts_config JOIN pg_catalog.pg_namespace n ON n.oid = cfgnamespace
UNION ALL SELECT 'TEXT SEARCH DICTIONARY', n.nspname, dictname
  FROM pg_catalog.pg_ts_dict JOIN pg_catalog.pg_namespace n ON n.oid = dictnamespace
UNION ALL SELECT 'TEXT SEARCH PARSER', n.nspname, prsname
  FROM pg_catalog.pg_ts_parser JOIN pg_catalog.pg_namespace n ON n.oid = prsnamespace
UNION ALL SELECT 'TEXT SEARCH TEMPLATE', n.nspname, tmplname
  FROM pg_catalog.pg_ts_template JOIN pg_catalog.pg_namespace n ON n.oid = tmplnamespace
UNION ALL SELECT 'PROCEDURAL LANGUAGE', NULL, lanname FROM pg_catalog.pg_language
UNION ALL SELECT 'ACCESS METHOD', NULL, amname FROM pg_catalog.pg_am
UNION ALL SELECT 'CAST', NULL, 'CAST (' || pg_catalog.format_type(castsource, NULL)
         || ' AS ' || pg_catalog.format_type(casttarget, NULL) || ')' FROM pg_catalog.pg_cast
"""


def require_existence(connection: Connection, entries: Iterable[ArchiveEntry]) -> None:
    """Do nothing if the database has everything that ``entries`` describe.

    Raises:
        RestoreError: something is missing; the first few are named.
    """
    rows = connection.execute(_EXISTING.encode())
    existing = {(kind, schema, _plain(str(name))) for kind, schema, name in rows}
    missing = [
        entry
        for entry in entries
        if entry.kind not in _NOT_PROVABLE
        and (entry.kind, entry.schema, _plain(entry.name)) not in existing
    ]
    if missing:
        names = ", ".join(f"{entry.kind} {entry}" for entry in missing[:_SHOWN])
        raise RestoreError(
            f"{len(missing)} definitions are not in the restored database, though the client "
            f"program reported success: {names}",
            next_step="restore again; if it stays so, report it with the schema of these objects",
        )


def _plain(name: str) -> str:
    # pg_dump --quote-all-identifiers quotes the names of argument types, too.
    return name.replace('"', "")
