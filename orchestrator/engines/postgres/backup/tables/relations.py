"""What the server's catalog says about tables, read the same way before and under the snapshot."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import psycopg

from orchestrator.engines.postgres.backup.tables.sizing import RelationSize
from orchestrator.engines.postgres.identifiers import quote_identifier
from orchestrator.errors import SnapshotLostError
from orchestrator.model.contents import INVALID_INDEX, Column, LeftOut, TableName

Connection = psycopg.Connection[tuple[object, ...]]

# Tables of extensions are made by CREATE EXTENSION, and their rows are the extension's, except those
# that came later: `extensions` lists these.
_RELATIONS = """
SELECT c.oid::bigint, n.nspname, c.relname, c.relkind::text, c.relpersistence::text,
       c.relispartition,
       EXISTS (SELECT FROM pg_catalog.pg_depend d
               WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
                 AND d.objid = c.oid AND d.deptype = 'e') AS of_extension,
       c.relpersistence = 'u' AND pg_catalog.pg_is_in_recovery() AS without_rows_here
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'f')
  AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
  AND c.relpersistence <> 't'
ORDER BY n.nspname, c.relname
"""

_PARENTS = """
SELECT i.inhrelid::bigint, i.inhparent::bigint FROM pg_catalog.pg_inherits i ORDER BY 1, i.inhseqno
"""

_COLUMNS = """
SELECT a.attrelid::bigint, a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod)
FROM pg_catalog.pg_attribute a
WHERE a.attrelid = ANY (%s::pg_catalog.oid[]) AND a.attnum > 0 AND NOT a.attisdropped
  AND a.attgenerated = ''
ORDER BY a.attrelid, a.attnum
"""

_GENERATED = """
SELECT a.attrelid::bigint, a.attname FROM pg_catalog.pg_attribute a
WHERE a.attrelid = ANY (%s::pg_catalog.oid[]) AND a.attnum > 0 AND NOT a.attisdropped
  AND a.attgenerated <> ''
ORDER BY a.attrelid, a.attnum
"""

_SIZES = """
SELECT c.oid::bigint,
       pg_catalog.pg_relation_size(c.oid)
         / pg_catalog.current_setting('block_size')::bigint,
       pg_catalog.pg_relation_size(c.oid)
         + coalesce(pg_catalog.pg_relation_size(nullif(c.reltoastrelid, 0)), 0)
FROM pg_catalog.pg_class c WHERE c.oid = ANY (%s::pg_catalog.oid[])
"""


_STRANGERS = """
SELECT w.nspname || '.' || w.relname
FROM unnest(%s::pg_catalog.oid[], %s::text[], %s::text[]) AS w(oid, nspname, relname)
LEFT JOIN pg_catalog.pg_namespace n ON n.nspname = w.nspname
LEFT JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = w.relname
WHERE c.oid IS DISTINCT FROM w.oid ORDER BY 1 LIMIT 5
"""

# Those of partitioned tables are in an archive in any case, and become valid with their partitions'.
_INVALID_INDEXES = """
SELECT n.nspname, c.relname, t.relname FROM pg_catalog.pg_index i
JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
JOIN pg_catalog.pg_class t ON t.oid = i.indrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE NOT (i.indisvalid AND i.indisready) AND t.relkind <> 'p' AND c.relpersistence <> 't'
  AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
ORDER BY 1, 2
"""
# What pg_dump leaves out with no more than a warning.
_SUBSCRIPTIONS = """
SELECT s.subname FROM pg_catalog.pg_subscription s
WHERE s.subdbid = (SELECT d.oid FROM pg_catalog.pg_database d
                   WHERE d.datname = pg_catalog.current_database())
  AND pg_catalog.current_setting('is_superuser') = 'off' ORDER BY 1
"""
# The view shows pg_dump options under just this condition, and NULL otherwise. Whoever may read the
# table below it (pg_read_all_data) knows at least whether there are any.
_HIDDEN_MAPPINGS = """
SELECT m.usename, m.srvname FROM pg_catalog.pg_user_mappings m
JOIN pg_catalog.pg_foreign_server s ON s.oid = m.srvid
WHERE m.umoptions IS NULL AND pg_catalog.current_setting('is_superuser') = 'off'
  AND NOT CASE WHEN m.umuser = 0 THEN pg_catalog.pg_has_role(s.srvowner, 'USAGE')
               ELSE m.usename = current_user AND (pg_catalog.pg_has_role(s.srvowner, 'USAGE')
                    OR pg_catalog.has_server_privilege(s.oid, 'USAGE')) END
"""
_WITH_OPTIONS = (
    "AND EXISTS (SELECT FROM pg_catalog.pg_user_mapping u"
    " WHERE u.oid = m.umid AND u.umoptions IS NOT NULL)"
)
_MAY_READ_OPTIONS = "SELECT pg_catalog.has_table_privilege('pg_catalog.pg_user_mapping', 'SELECT')"


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """A table as the server's catalog has it; ``kind`` is pg_class.relkind."""

    oid: int
    name: TableName
    kind: str
    unlogged: bool
    is_partition: bool
    of_extension: bool
    without_rows_here: bool

    @property
    def has_rows_of_its_own(self) -> bool:
        """Whether COPY of this very relation gives the rows that a backup needs."""
        return self.kind == "r" and not self.of_extension and not self.without_rows_here


@dataclass(frozen=True, slots=True)
class Relations:
    """All tables of a database, and who inherits from whom (child to parents)."""

    tables: tuple[Relation, ...]
    parents: Mapping[TableName, tuple[TableName, ...]]

    def left_out(self) -> tuple[LeftOut, ...]:
        """Return the tables whose rows a backup does not carry, each with the reason."""
        return tuple(_left_out(relation) for relation in self.tables if _is_left_out(relation))


def read_relations(connection: Connection) -> Relations:
    """Return every table of the database, except the server's own and temporary ones."""
    tables = tuple(_relation(row) for row in connection.execute(_RELATIONS))
    by_oid = {relation.oid: relation.name for relation in tables}
    parents: dict[TableName, tuple[TableName, ...]] = {}
    for child, parent in connection.execute(_PARENTS):
        if child in by_oid and parent in by_oid:
            name = by_oid[int(str(child))]
            parents[name] = (*parents.get(name, ()), by_oid[int(str(parent))])
    return Relations(tables, parents)


def read_columns(connection: Connection, oids: Sequence[int]) -> dict[int, tuple[Column, ...]]:
    """Return the stored columns of each table in table order, without generated ones."""
    columns: dict[int, list[Column]] = {oid: [] for oid in oids}
    for oid, name, kind in connection.execute(_COLUMNS, [list(oids)]):
        columns[int(str(oid))].append(Column(name=str(name), type=str(kind)))
    return {oid: tuple(listed) for oid, listed in columns.items()}


def read_generated(connection: Connection, oids: Sequence[int]) -> dict[int, tuple[str, ...]]:
    """Return the names of the generated columns of each table that has any."""
    names: dict[int, tuple[str, ...]] = {}
    for oid, name in connection.execute(_GENERATED, [list(oids)]):
        number = int(str(oid))
        names[number] = (*names.get(number, ()), str(name))
    return names


def read_sizes(connection: Connection, oids: Sequence[int]) -> dict[int, RelationSize]:
    """Return the present size of each table; call it after the snapshot was taken."""
    return {
        int(str(oid)): RelationSize(blocks=int(str(blocks)), bytes=int(str(size)))
        for oid, blocks, size in connection.execute(_SIZES, [list(oids)])
    }


def require_same_names(connection: Connection, relations: Sequence[Relation]) -> None:
    """Do nothing if every name leads to the relation that it led to when it was locked.

    Rows are read by name, and a lock on a table does not keep its schema from being renamed: after
    two schemas changed places, a name leads to another table (which reads without an error). To be
    asked outside the snapshot, whose catalog still has the old names.

    Raises:
        SnapshotLostError: names the tables.
    """
    columns = [
        [relation.oid for relation in relations],
        [relation.name.schema for relation in relations],
        [relation.name.name for relation in relations],
    ]
    strangers = [str(name) for (name,) in connection.execute(_STRANGERS, columns)]
    if strangers:
        raise SnapshotLostError(
            f"a schema was renamed during the run: {', '.join(strangers)} is another table now",
            next_step="the next pass tries again; take no backup while schemas change places",
        )


def read_skipped_by_pg_dump(connection: Connection) -> tuple[LeftOut, ...]:
    """Return what the schema archive lacks, with no more than a warning or without any.

    That are indexes that are not valid and, because the role is no superuser, subscriptions and the
    options of user mappings: whom they log in as, and how.
    """
    subscriptions = tuple(
        LeftOut(
            kind="subscription",
            name=str(name),
            reason="pg_dump reads subscriptions as a superuser only",
        )
        for (name,) in connection.execute(_SUBSCRIPTIONS)
    )
    return _read_invalid_indexes(connection) + subscriptions + _read_hidden_mappings(connection)


def _read_invalid_indexes(connection: Connection) -> tuple[LeftOut, ...]:
    return tuple(
        LeftOut(
            kind=INVALID_INDEX,
            name=f"{schema}.{name}",
            reason=f"pg_dump passes over an index that is not valid, and no query of {table} uses it:"
            " make it anew at the source with REINDEX INDEX CONCURRENTLY"
            f" {quote_identifier(str(schema))}.{quote_identifier(str(name))}, or drop it",
        )
        for schema, name, table in connection.execute(_INVALID_INDEXES)
    )


def _read_hidden_mappings(connection: Connection) -> tuple[LeftOut, ...]:
    row = connection.execute(_MAY_READ_OPTIONS).fetchone()
    knows = row is not None and bool(row[0])
    query = f"{_HIDDEN_MAPPINGS} {_WITH_OPTIONS if knows else ''} ORDER BY 2, 1"
    return tuple(
        LeftOut(
            kind="user mapping options",
            name=f"{role} at {server}",
            reason=f"the backup role may not see {'them' if knows else 'whether it has any'}: set"
            f" them after a restore with ALTER USER MAPPING FOR {_mapped(str(role))}"
            f" SERVER {quote_identifier(str(server))} OPTIONS (...)",
        )
        for role, server in connection.execute(query.encode())
    )


def _mapped(role: str) -> str:
    return "PUBLIC" if role == "public" else quote_identifier(role)


def _relation(row: tuple[object, ...]) -> Relation:
    oid, schema, name, kind, persistence, is_partition, of_extension, without_rows = row
    return Relation(
        oid=int(str(oid)),
        name=TableName(str(schema), str(name)),
        kind=str(kind),
        unlogged=persistence == "u",
        is_partition=bool(is_partition),
        of_extension=bool(of_extension),
        without_rows_here=bool(without_rows),
    )


def _is_left_out(relation: Relation) -> bool:
    return relation.kind == "f" or relation.without_rows_here


def _left_out(relation: Relation) -> LeftOut:
    if relation.kind == "f":
        return LeftOut(
            kind="foreign table",
            name=str(relation.name),
            reason="its rows live on another server; its definition is in the schema archive",
        )
    return LeftOut(
        kind="unlogged table",
        name=str(relation.name),
        reason="this server is a standby, which gets no rows of unlogged tables; its definition is in"
        " the schema archive",
    )
