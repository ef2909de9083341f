"""How the types of columns are defined, as far as the text of a value depends on it.

The name of a type says nothing of what COPY text means: attributes of a composite may have changed
places, labels of an enum may have been renamed. Read in the same way at the backup and before rows
are put back into a table that exists.
"""

from collections.abc import Sequence

from orchestrator.engines.postgres.backup.tables.relations import Connection
from orchestrator.model.contents import TypeDefinition

# Everything that a column's type is made of, through arrays, domains, attributes and ranges; types
# of the server itself, and those written in C, have no definition that anybody could change.
_TYPES = """
WITH RECURSIVE used(oid) AS (
  SELECT a.atttypid FROM pg_catalog.pg_attribute a
  WHERE a.attrelid = ANY (%s::pg_catalog.oid[]) AND a.attnum > 0 AND NOT a.attisdropped
    AND a.attgenerated = ''
  UNION
  SELECT part.oid FROM used JOIN pg_catalog.pg_type t ON t.oid = used.oid, LATERAL (
    SELECT t.typelem UNION ALL SELECT t.typbasetype
    UNION ALL SELECT a.atttypid FROM pg_catalog.pg_attribute a
              WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped
    UNION ALL SELECT r.rngsubtype FROM pg_catalog.pg_range r WHERE r.rngtypid = t.oid
    UNION ALL SELECT r.rngtypid FROM pg_catalog.pg_range r WHERE r.rngmultitypid = t.oid
  ) part(oid) WHERE part.oid <> 0)
SELECT pg_catalog.format_type(t.oid, NULL), t.typtype::text, CASE t.typtype
  WHEN 'e' THEN array(SELECT e.enumlabel::text FROM pg_catalog.pg_enum e
    WHERE e.enumtypid = t.oid ORDER BY e.enumsortorder)
  WHEN 'c' THEN array(SELECT pg_catalog.format('%%I %%s', a.attname,
      pg_catalog.format_type(a.atttypid, a.atttypmod)) FROM pg_catalog.pg_attribute a
    WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum)
  WHEN 'd' THEN pg_catalog.format_type(t.typbasetype, t.typtypmod)
      || CASE WHEN t.typnotnull THEN '{NOT NULL}'::text[] ELSE '{}' END
      || array(SELECT pg_catalog.pg_get_constraintdef(k.oid) FROM pg_catalog.pg_constraint k
         WHERE k.contypid = t.oid AND k.contype = 'c' ORDER BY 1)
  WHEN 'r' THEN (SELECT array[pg_catalog.format_type(r.rngsubtype, NULL),
      'COLLATION ' || coalesce((SELECT pg_catalog.format('%%I.%%I', n.nspname, c.collname)
        FROM pg_catalog.pg_collation c JOIN pg_catalog.pg_namespace n ON n.oid = c.collnamespace
        WHERE c.oid = r.rngcollation), '-'),
      'OPCLASS ' || (SELECT pg_catalog.format('%%I.%%I', n.nspname, o.opcname)
        FROM pg_catalog.pg_opclass o JOIN pg_catalog.pg_namespace n ON n.oid = o.opcnamespace
        WHERE o.oid = r.rngsubopc), 'CANONICAL ' || r.rngcanonical::text]
    FROM pg_catalog.pg_range r WHERE r.rngtypid = t.oid)
  ELSE (SELECT array[pg_catalog.format_type(r.rngtypid, NULL)]
    FROM pg_catalog.pg_range r WHERE r.rngmultitypid = t.oid) END
FROM used JOIN pg_catalog.pg_type t ON t.oid = used.oid
JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
WHERE t.typtype IN ('e', 'c', 'd', 'r', 'm') AND n.nspname <> 'pg_catalog' ORDER BY 1
"""
_KINDS = {"e": "enum", "c": "composite", "d": "domain", "r": "range", "m": "multirange"}


def read_types(connection: Connection, oids: Sequence[int]) -> tuple[TypeDefinition, ...]:
    """Return the definitions of all types that users defined and these tables' columns use."""
    return tuple(
        TypeDefinition(
            name=str(name),
            kind=_KINDS[str(kind)],
            parts=tuple(map(str, parts)) if isinstance(parts, list) else (),
        )
        for name, kind, parts in connection.execute(_TYPES, [list(oids)])
    )
