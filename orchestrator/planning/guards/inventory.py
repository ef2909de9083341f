"""How much of what a backup holds: the figures that guards compare."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from orchestrator.model.contents import Chunk, Details, TableName, ancestors_of


@dataclass(frozen=True, slots=True)
class Size:
    """Rows, bytes of COPY text, and bytes as stored."""

    rows: int = 0
    text_bytes: int = 0
    stored_bytes: int = 0

    def __add__(self, other: "Size") -> "Size":
        return Size(
            self.rows + other.rows,
            self.text_bytes + other.text_bytes,
            self.stored_bytes + other.stored_bytes,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """The sizes of tables by name.

    The partitions of a table, of every level, count together under its name: dropping the oldest
    month is no loss of a table. Each is also in ``partitions`` by its own name, and so is each that
    is partitioned itself, with all below it.
    """

    tables: Mapping[TableName, Size]
    partitions: Mapping[TableName, Size]
    large_objects: Size

    def find(self, name: TableName) -> Size | None:
        """Return the size of a table or a partition, or None."""
        return self.tables.get(name) or self.partitions.get(name)


def take_inventory(details: Details, parents: Mapping[TableName, TableName]) -> Inventory:
    """Return how much of what a backup holds; ``parents`` are what is directly above partitions."""
    tables: dict[TableName, Size] = defaultdict(Size)
    partitions: dict[TableName, Size] = defaultdict(Size)
    for data in details.tables:
        size = _size_of(data.chunks)
        *below, root = (data.table.name, *ancestors_of(data.table.name, parents))
        tables[root] += size
        for name in below:
            partitions[name] += size
    return Inventory(
        tables=dict(tables),
        partitions=dict(partitions),
        large_objects=_size_of(details.large_object_chunks),
    )


def total(sizes: Iterable[Size]) -> Size:
    """Return the sum of sizes."""
    return sum(sizes, Size())


def _size_of(chunks: Iterable[Chunk]) -> Size:
    return total(Size(chunk.rows, chunk.text_bytes, chunk.stored_bytes) for chunk in chunks)
