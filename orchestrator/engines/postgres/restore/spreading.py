"""Partitions whose rows land elsewhere in another database: those spread by the hash of an enum.

An enum's value is hashed by its oid, which differs from database to database, so a leaf refuses
rows that it had at the source. pg_dump loads them through the root for the same reason
(``forcePartitionRootLoad`` of pg_dump.c); arrays, records and ranges may hold enums as well.
"""

from collections.abc import Mapping, Sequence

from orchestrator.engines.postgres.restore.access import Connection
from orchestrator.model.contents import Table, TableName

_SPREAD = """
SELECT DISTINCT s.nspname, l.relname, n.nspname, r.relname
FROM pg_catalog.pg_partitioned_table p
CROSS JOIN LATERAL pg_catalog.pg_partition_tree(p.partrelid) t
JOIN pg_catalog.pg_class l ON l.oid = t.relid AND t.isleaf
JOIN pg_catalog.pg_namespace s ON s.oid = l.relnamespace
JOIN pg_catalog.pg_class r ON r.oid = pg_catalog.pg_partition_root(p.partrelid)
JOIN pg_catalog.pg_namespace n ON n.oid = r.relnamespace
WHERE p.partstrat = 'h' AND EXISTS (
  SELECT FROM pg_catalog.pg_opclass o
  WHERE o.oid = ANY (p.partclass::pg_catalog.oid[])
    AND o.opcnamespace = 'pg_catalog'::pg_catalog.regnamespace
    AND o.opcname IN ('enum_ops', 'array_ops', 'record_ops', 'range_ops', 'multirange_ops'))
"""


def read_spread_partitions(connection: Connection) -> dict[TableName, TableName]:
    """Return each leaf whose rows must be loaded through its root, with that root."""
    return {
        TableName(str(schema), str(leaf)): TableName(str(root_schema), str(root))
        for schema, leaf, root_schema, root in connection.execute(_SPREAD)
    }


def group_by_root(
    tables: Sequence[Table], roots: Mapping[TableName, TableName]
) -> list[list[Table]]:
    """Return the tables one by one, those that are spread from one root together."""
    groups: dict[TableName, list[Table]] = {}
    for table in tables:
        groups.setdefault(roots.get(table.name, table.name), []).append(table)
    return list(groups.values())
