"""Which tables of a backup are to be replaced, from the names that a user gives."""

from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.errors import UsageError
from orchestrator.model.contents import Details, SkippedEntry, TableData, TableName
from orchestrator.ports.restoring.existing_database import Wanted

_REFERRING = frozenset({"oid", "lo"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """The chosen tables with their chunks, and what the engine needs to know of them."""

    tables: tuple[TableData, ...]
    wanted: Wanted
    large_objects: int

    @property
    def names(self) -> frozenset[TableName]:
        """Their names, and those of the partitioned tables that are chosen in whole."""
        return frozenset(data.table.name for data in self.tables) | self.wanted.whole

    @property
    def large_objects_left_out(self) -> tuple[SkippedEntry, ...]:
        """What is missing if a chosen table may refer to large objects, which come only in whole."""
        columns = [
            f"{data.table.name}.{column.name}"
            for data in self.tables
            for column in data.table.columns
            if column.type.rpartition(".")[2] in _REFERRING
        ]
        if not columns or not self.large_objects:
            return ()
        reason = f"{', '.join(columns)} may refer to them; they come with the whole database"
        name = f"all {self.large_objects}"
        return (SkippedEntry(kind="LARGE OBJECTS", name=name, reason=reason),)

    @property
    def rows(self) -> int:
        """How many rows they had."""
        return sum(data.rows for data in self.tables)


def choose_tables(details: Details, names: Sequence[str]) -> Chosen:
    """Given ``schema.table`` names, return those tables; a partitioned table means its partitions.

    No name at all means every table of the backup, and every sequence.

    Raises:
        UsageError: the backup has no such table; similar names are listed.
    """
    chosen = _named(details, names) if names else set(details.tables)
    tables = tuple(data for data in details.tables if data in chosen)
    return Chosen(
        tables=tables,
        large_objects=len(details.large_objects),
        wanted=Wanted(
            tables=tuple(data.table for data in tables),
            whole=_whole(details.tables, tables),
            sequences=details.sequences,
            every_sequence=not names,
            encoding=details.properties.encoding,
            types=details.types,
        ),
    )


def _named(details: Details, names: Sequence[str]) -> set[TableData]:
    chosen: set[TableData] = set()
    for name in names:
        fitting = {
            data
            for data in details.tables
            if name in (str(data.table.name), str(data.table.partition_of))
        }
        if not fitting:
            raise UsageError(
                f"the backup has no rows of a table {name!r}",
                next_step=f"write it as schema.table; it has {_listed(details, name)}",
            )
        chosen |= fitting
    return chosen


def _listed(details: Details, wanted: str) -> str:
    names = sorted(str(data.table.name) for data in details.tables)
    part = wanted.rpartition(".")[2].lower()
    similar = [name for name in names if part and part in name.lower()]
    shown = (similar or names)[:20]
    return ", ".join(shown) or "no table at all"


def _whole(every: Sequence[TableData], chosen: Sequence[TableData]) -> frozenset[TableName]:
    """Return the partitioned tables of which every partition in the backup is chosen."""
    taken = {data.table.name for data in chosen}
    above = {data.table.partition_of for data in every if data.table.partition_of is not None}
    return frozenset(
        parent
        for parent in above
        if all(data.table.name in taken for data in every if data.table.partition_of == parent)
    )
