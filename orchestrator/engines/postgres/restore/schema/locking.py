"""Definitions that lock more tables than the archive says, so that two of them may wait in a circle.

A foreign key or a trigger of a partitioned table reaches all its partitions; several pg_restore
sessions know only of the table itself, and the server ends one of them (SQLSTATE 40P01).
"""

from collections.abc import Sequence

from orchestrator.engines.postgres.restore.access import Connection
from orchestrator.engines.postgres.restore.schema.archive_contents import ArchiveEntry
from orchestrator.engines.postgres.restore.schema.foreign_keys import referenced_table
from orchestrator.model.contents import TableName

_KINDS = frozenset({"FK CONSTRAINT", "TRIGGER"})

_FAMILIES = """
SELECT n.nspname, c.relname
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'p' OR c.relispartition
"""


def split_far_locking(
    connection: Connection, entries: Sequence[ArchiveEntry]
) -> tuple[list[ArchiveEntry], list[ArchiveEntry]]:
    """Return the entries that may be recreated together, and those to be recreated one by one.

    Nothing of the first builds on the second. The tables must exist by now.
    """
    rows = connection.execute(_FAMILIES.encode())
    families = {TableName(str(schema), str(name)) for schema, name in rows}
    alone = [entry for entry in entries if _reaches(entry, families)]
    numbers = {entry.dump_id for entry in alone}
    return [entry for entry in entries if entry.dump_id not in numbers], alone


def _reaches(entry: ArchiveEntry, families: set[TableName]) -> bool:
    if entry.kind not in _KINDS or not families:
        return False
    if referenced_table(entry) in families:
        return True
    # The tag is the table's name, a space, and that of key or trigger; names may hold spaces.
    words = entry.name.split(" ")
    beginnings = (" ".join(words[:count]) for count in range(1, len(words)))
    return any(TableName(entry.schema or "", name) in families for name in beginnings)
