"""How much of what a backup holds: the figures that guards compare."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from orchestrator.model.contents import Chunk, Details, TableData, TableName


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

    The partitions of a table count together under its name: dropping the oldest month is no loss
    of a table. Each is also in ``partitions`` by its own name.
    """

    tables: Mapping[TableName, Size]
    partitions: Mapping[TableName, Size]
    large_objects: Size

    def find(self, name: TableName) -> Size | None:
        """Return the size of a table or a partition, or None."""
        return self.tables.get(name) or self.partitions.get(name)


def take_inventory(details: Details) -> Inventory:
    """Return how much of what a backup with these details holds."""
    tables: dict[TableName, Size] = {}
    for data in details.tables:
        name = data.table.partition_of or data.table.name
        tables[name] = tables.get(name, Size()) + _size_of(data.chunks)
    return Inventory(
        tables=tables,
        partitions={
            data.table.name: _size_of(data.chunks) for data in details.tables if _is_partition(data)
        },
        large_objects=_size_of(details.large_object_chunks),
    )


def total(sizes: Iterable[Size]) -> Size:
    """Return the sum of sizes."""
    return sum(sizes, Size())


def _is_partition(data: TableData) -> bool:
    return data.table.partition_of is not None


def _size_of(chunks: Iterable[Chunk]) -> Size:
    return total(Size(chunk.rows, chunk.text_bytes, chunk.stored_bytes) for chunk in chunks)
