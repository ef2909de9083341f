"""Which table is a partition of which, as a schema archive says it."""

from collections.abc import Iterator, Mapping, Sequence

from orchestrator.engines.postgres.restore.schema.archive_contents import ArchiveEntry
from orchestrator.model.contents import Partition, TableName

ATTACHED = "TABLE ATTACH"
"""pg_dump makes each partition as a table of its own, and puts it into its place by such an entry."""

_PARTITIONS = frozenset({"TABLE", "FOREIGN TABLE"})


def partition_entries(
    entries: Sequence[ArchiveEntry], by_number: Mapping[int, ArchiveEntry]
) -> Iterator[tuple[ArchiveEntry, ArchiveEntry]]:
    """Yield each partition's entry with that of the partitioned table directly above it."""
    for entry in entries:
        if entry.kind != ATTACHED:
            continue
        ends = [by_number[n] for n in entry.dependencies if n in by_number]
        ends = [end for end in ends if end.kind in _PARTITIONS]
        place = (entry.schema, entry.name)
        below = [end for end in ends if (end.schema, end.name) == place]
        above = [end for end in ends if (end.schema, end.name) != place]
        if below and above:
            yield below[0], above[0]


def read_partitions(entries: Sequence[ArchiveEntry]) -> tuple[Partition, ...]:
    """Return every partition of the archive."""
    by_number = {entry.dump_id: entry for entry in entries}
    return tuple(
        Partition(_name(below), _name(above))
        for below, above in partition_entries(entries, by_number)
    )


def _name(entry: ArchiveEntry) -> TableName:
    return TableName(entry.schema or "", entry.name)
