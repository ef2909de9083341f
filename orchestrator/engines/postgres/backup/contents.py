"""What the snapshot holds, read by the coordinator under it."""

from collections.abc import Mapping
from dataclasses import replace

from orchestrator.engines.postgres.backup.coordinator import HeldSnapshot
from orchestrator.engines.postgres.backup.large_objects import (
    read_large_object_sizes,
    read_large_objects,
)
from orchestrator.engines.postgres.backup.properties import (
    read_identity,
    read_properties,
    read_roles,
)
from orchestrator.engines.postgres.backup.refusals.standby import caution_of, read_standby
from orchestrator.engines.postgres.backup.tables.extensions import (
    read_extensions,
    read_member_rows,
)
from orchestrator.engines.postgres.backup.tables.relations import (
    Connection,
    read_columns,
    read_generated,
    read_sizes,
    read_skipped_by_pg_dump,
)
from orchestrator.engines.postgres.backup.tables.resolve import Resolved
from orchestrator.engines.postgres.backup.tables.search_path import read_reliances
from orchestrator.engines.postgres.backup.tables.sizing import (
    RelationSize,
    blocks_for_chunk,
    cut_into_ranges,
    cut_large_objects,
)
from orchestrator.engines.postgres.backup.tables.types import read_types
from orchestrator.engines.postgres.backup.wal_position import read_wal_position
from orchestrator.model.contents import ServerIdentity, SourceContents, Table, TableName

# A schema archive creates every materialized view empty, and does not say which were filled.
_UNPOPULATED = """
SELECT n.nspname, c.relname
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'm' AND NOT c.relispopulated ORDER BY 1, 2
"""


def read_contents(held: HeldSnapshot, blocks_per_chunk: Mapping[str, int]) -> SourceContents:
    """Return tables, ranges, large objects, roles and properties as the snapshot has them.

    ``blocks_per_chunk`` (by ``schema.table``) keeps chunk boundaries of earlier backups.
    """
    connection, resolved = held.coordinator, held.resolved
    oids = [relation.oid for relation in resolved.read]
    sizes = read_sizes(connection, oids)
    tables = _tables(connection, resolved, sizes, blocks_per_chunk)
    objects = read_large_objects(connection)
    return SourceContents(
        identity=_identity(connection),
        snapshot_at=held.taken_at,
        server_ahead=held.server_ahead,
        tables=tables,
        ranges=tuple(
            cut_into_ranges(sizes[oid].blocks, table.blocks_per_chunk)
            for oid, table in zip(oids, tables, strict=True)
        ),
        large_objects=objects,
        large_object_ranges=(
            cut_large_objects(read_large_object_sizes(connection)) if objects else ()
        ),
        properties=read_properties(connection),
        roles=read_roles(connection),
        left_out=resolved.left_out
        + tuple(member.left_out() for member in read_member_rows(connection))
        + read_skipped_by_pg_dump(connection),
        uncovered=resolved.uncovered,
        unpopulated=tuple(
            TableName(str(schema), str(name)) for schema, name in connection.execute(_UNPOPULATED)
        ),
        types=read_types(connection, oids),
        extensions=read_extensions(connection),
        partitions=resolved.partitions,
        cautions=(
            *caution_of(read_standby(connection)),
            *(f"{one.what}; {one.remedy}" for one in read_reliances(connection)),
        ),
    )


def _identity(connection: Connection) -> ServerIdentity:
    """Return which server and database it is, and where its log stands now that the snapshot is taken."""
    identity = read_identity(connection)
    return replace(identity, wal=read_wal_position(connection, in_recovery=identity.in_recovery))


def _tables(
    connection: Connection,
    resolved: Resolved,
    sizes: Mapping[int, RelationSize],
    blocks_per_chunk: Mapping[str, int],
) -> tuple[Table, ...]:
    oids = [relation.oid for relation in resolved.read]
    columns, generated = read_columns(connection, oids), read_generated(connection, oids)
    block_bytes = int(_setting(connection, "block_size"))
    return tuple(
        Table(
            name=relation.name,
            columns=columns[relation.oid],
            blocks_per_chunk=blocks_per_chunk.get(str(relation.name))
            or blocks_for_chunk(sizes[relation.oid], block_bytes),
            partition_of=resolved.partition_of.get(relation.name),
            unlogged=relation.unlogged,
            generated=generated.get(relation.oid, ()),
        )
        for relation in resolved.read
    )


def _setting(connection: Connection, name: str) -> str:
    row = connection.execute("SELECT pg_catalog.current_setting(%s)", [name]).fetchone()
    if row is None:
        raise LookupError(f"the server has no setting {name}")
    return str(row[0])
