"""Which tables of a backup are to be replaced, from the names that a user gives."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from orchestrator.errors import UsageError
from orchestrator.model.contents import (
    Details,
    LeftOut,
    SkippedEntry,
    TableData,
    TableName,
    ancestors_of,
)
from orchestrator.model.policy import TableSelection
from orchestrator.ports.restoring.existing_database import Wanted

_REFERRING = frozenset({"oid", "lo"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """The chosen tables with their chunks, and what the engine needs to know of them."""

    tables: tuple[TableData, ...]
    wanted: Wanted
    large_objects: int
    complete: frozenset[TableName]
    """The partitioned tables of which every partition in the backup is chosen."""
    left_out: tuple[LeftOut, ...]
    """The partitions of those that the backup has no rows of, and why."""

    @property
    def names(self) -> frozenset[TableName]:
        """Their names, and those of the partitioned tables that are complete."""
        return frozenset(data.table.name for data in self.tables) | self.complete

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
    """Given ``schema.table`` names, return those tables.

    A partitioned table means its partitions, theirs, and so on. No name at all means every table of
    the backup, and every sequence.

    Raises:
        UsageError: the backup has no such table; similar names are listed.
    """
    parents = details.parents
    below = _partitions_below(details, parents)
    chosen = _named(details, names, below) if names else {one.table.name for one in details.tables}
    tables = tuple(data for data in details.tables if data.table.name in chosen)
    complete = frozenset(above for above, partitions in below.items() if partitions <= chosen)
    return Chosen(
        tables=tables,
        large_objects=len(details.large_objects),
        complete=complete,
        left_out=tuple(_left_out_below(details, parents, complete)),
        wanted=Wanted(
            tables=tuple(data.table for data in tables),
            whole=frozenset(
                above for above in complete if not names or _is_named(above, parents, names)
            ),
            parents=parents,
            with_rows=frozenset(data.table.name for data in details.tables),
            without_rows=_names_without_rows(details, parents),
            selection=TableSelection(
                include=details.selection_include, exclude=details.selection_exclude
            ),
            sequences=details.sequences,
            every_sequence=not names,
            encoding=details.properties.encoding,
            types=details.types,
        ),
    )


def _partitions_below(
    details: Details, parents: Mapping[TableName, TableName]
) -> Mapping[TableName, set[TableName]]:
    """Return, for each partitioned table, the tables at any depth that have its rows."""
    below: dict[TableName, set[TableName]] = defaultdict(set)
    for data in details.tables:
        for above in ancestors_of(data.table.name, parents):
            below[above].add(data.table.name)
    return below


def _named(
    details: Details, names: Sequence[str], below: Mapping[TableName, set[TableName]]
) -> set[TableName]:
    meant: dict[str, set[TableName]] = defaultdict(set)
    for data in details.tables:
        meant[str(data.table.name)].add(data.table.name)
    for above, partitions in below.items():
        meant[str(above)] |= partitions
    for name in names:
        if name not in meant:
            raise UsageError(
                f"the backup has no rows of a table {name!r}",
                next_step=f"write it as schema.table; it has {_listed(details, name)}",
            )
    return {table for name in names for table in meant[name]}


def _is_named(
    table: TableName, parents: Mapping[TableName, TableName], names: Sequence[str]
) -> bool:
    return any(str(one) in names for one in (table, *ancestors_of(table, parents)))


def _left_out_below(
    details: Details, parents: Mapping[TableName, TableName], complete: frozenset[TableName]
) -> Iterator[LeftOut]:
    names = {str(name) for name in parents if complete.intersection(ancestors_of(name, parents))}
    return (item for item in details.absent if item.name in names)


def _names_without_rows(details: Details, parents: Mapping[TableName, TableName]) -> frozenset[str]:
    """Return the names of what is above partitions, and of what the backup never had."""
    above = {str(name) for name in parents.values()}
    return frozenset(above | {item.name for item in details.absent})


def _listed(details: Details, wanted: str) -> str:
    names = sorted(str(data.table.name) for data in details.tables)
    part = wanted.rpartition(".")[2].lower()
    similar = [name for name in names if part and part in name.lower()]
    shown = (similar or names)[:20]
    return ", ".join(shown) or "no table at all"
