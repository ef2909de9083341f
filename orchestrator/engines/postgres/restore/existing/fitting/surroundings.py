"""What lies below and beside the tables that are replaced: emptied, in the way, or left alone.

Only a partition that the backup would have had, had it been there, is emptied. One that the backup
knows is elsewhere now, or was left out: its rows are nobody's to remove.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from orchestrator.engines.postgres.backup.tables.relations import Relation, Relations
from orchestrator.engines.postgres.backup.tables.selection import is_selected
from orchestrator.model.contents import TableName, ancestors_of
from orchestrator.ports.restoring.existing_database import Wanted


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is there now, around what is wanted; ``parents`` are those of partitions alone."""

    relations: Relations
    parents: Mapping[TableName, TableName]
    wanted: Wanted

    def above(self, name: TableName) -> tuple[TableName, ...]:
        """Return the partitioned tables that a table is a partition of now, nearest first."""
        return ancestors_of(name, self.parents)

    def is_late(self, relation: Relation) -> bool:
        """Return whether a table came later as a partition of one that is replaced in whole."""
        return (
            relation.has_rows_of_its_own
            and not self.wanted.whole.isdisjoint(self.above(relation.name))
            and not self.wanted.knows(relation.name)
            and is_selected(relation.name, self.relations.parents, self.wanted.selection)
        )

    def moved(self) -> Iterator[str]:
        """Yield in words which tables were put below another one since, or taken away from one.

        Their rows would be seen elsewhere than in the backup, or twice.
        """
        loaded = {table.name for table in self.wanted.tables}
        for relation in self.relations.tables:
            name = relation.name
            then, now = ancestors_of(name, self.wanted.parents), self.above(name)
            is_touched = name in loaded or not self.wanted.whole.isdisjoint(now)
            if then != now and is_touched and self.wanted.knows(name):
                yield f"table {name} was {_place(then)}, and is {_place(now)} now"

    def kept(self, replaced: Collection[TableName]) -> Iterator[str]:
        """Yield in words which tables keep rows that the backup does not have.

        Those that show in a table that is replaced are always named; if all tables of the backup
        are replaced, the others as well.
        """
        beside: list[str] = []
        for relation in self.relations.tables:
            if relation.name in replaced or relation.kind == "p":
                continue
            shown = self._shown_in(relation.name, replaced)
            if shown is not None:
                why = self._why_kept(relation.name)
                yield f"{relation.name} keeps its rows, which {shown} shows, too: {why}"
            elif self.wanted.every_sequence and relation.has_rows_of_its_own:
                beside.append(str(relation.name))
        if beside:
            yield f"not in the backup, and left as they are: {', '.join(beside)}"

    def _shown_in(self, name: TableName, replaced: Collection[TableName]) -> TableName | None:
        """Return the uppermost replaced table whose reading gives the rows of this one, too."""
        shown: TableName | None = None
        for parent in self.relations.parents.get(name, ()):
            if parent in replaced or parent in self.wanted.whole:
                shown = parent
            shown = self._shown_in(parent, replaced) or shown
        return shown

    def _why_kept(self, name: TableName) -> str:
        if name in self.wanted.with_rows:
            return "it was not asked for"
        if self.wanted.knows(name):
            return "the backup has none of its rows"
        return "it was made after the backup"


def look_around(relations: Relations, wanted: Wanted) -> Surroundings:
    """Return what a connection saw, around what is wanted."""
    parents = {
        relation.name: relations.parents[relation.name][0]
        for relation in relations.tables
        if relation.is_partition and relation.name in relations.parents
    }
    return Surroundings(relations, parents, wanted)


def _place(above: Collection[TableName]) -> str:
    return " of ".join(("a partition", *map(str, above))) if above else "no partition"
