"""Which tables of the database a restore would replace, and what is not as it was."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from orchestrator.engines.postgres.backup.tables.relations import Relation, read_relations
from orchestrator.engines.postgres.backup.tables.types import read_types
from orchestrator.engines.postgres.restore.access import Connection
from orchestrator.engines.postgres.restore.existing.fitting.columns import (
    Difference,
    compare_columns,
    read_filled,
    read_present_columns,
)
from orchestrator.engines.postgres.restore.existing.fitting.surroundings import look_around
from orchestrator.engines.postgres.restore.existing.fitting.types import compare_types
from orchestrator.engines.postgres.restore.spreading import read_spread_partitions
from orchestrator.model.contents import TableName, TypeDefinition
from orchestrator.ports.restoring.existing_database import Wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class Members:
    """The tables to be replaced, and the partitioned tables above them.

    ``emptied`` are partitions that the backup does not know, of tables that it has in whole.
    ``types`` are those that users defined and the loaded tables use. ``losses`` are differences that
    lose values of now. ``kept`` says in words which tables keep rows that the backup does not have;
    they are no part of what is replaced, and may change meanwhile.
    """

    loaded: tuple[Relation, ...]
    emptied: tuple[Relation, ...]
    ancestors: tuple[Relation, ...]
    types: tuple[TypeDefinition, ...]
    differences: tuple[str, ...]
    losses: tuple[str, ...]
    obstacles: tuple[str, ...]
    kept: tuple[str, ...] = field(default=(), compare=False)

    @property
    def replaced(self) -> tuple[Relation, ...]:
        """Every table that loses its rows."""
        return (*self.loaded, *self.emptied)

    @property
    def all(self) -> tuple[Relation, ...]:
        """Those and the partitioned tables above them."""
        return (*self.replaced, *self.ancestors)

    @property
    def oids(self) -> list[int]:
        """The object ids of `all`."""
        return [relation.oid for relation in self.all]


@dataclass(slots=True)
class _Findings:
    differences: list[str] = field(default_factory=list)
    losses: list[str] = field(default_factory=list)
    obstacles: list[str] = field(default_factory=list)

    def add(self, differences: Iterable[Difference]) -> None:
        for difference in differences:
            place = self.losses if difference.loses else self.obstacles
            (self.differences if difference.harmless else place).append(difference.words)


def find_members(connection: Connection, wanted: Wanted) -> Members:
    """Return what the wanted tables are at this moment, with everything that differs."""
    relations = read_relations(connection)
    by_name = {relation.name: relation for relation in relations.tables}
    around = look_around(relations, wanted)
    found = _Findings()
    loaded: list[Relation] = []
    for table in wanted.tables:
        relation = by_name.get(table.name)
        trouble = _trouble(relation)
        if relation is None or trouble:
            found.obstacles.append(f"table {table.name} {trouble}")
        else:
            loaded.append(relation)
    found.obstacles.extend(around.moved())
    names = {relation.name for relation in loaded}
    emptied = [r for r in relations.tables if r.name not in names and around.is_late(r)]
    names |= {relation.name for relation in emptied}
    types = read_types(connection, [relation.oid for relation in loaded])
    _compare(connection, wanted, loaded, found)
    fitting = [table for table in wanted.tables if table.name in names]
    found.add(compare_types(fitting, wanted.types, types))
    found.obstacles.extend(_scattered(connection, names))
    found.differences.extend(f"{r.name} is a partition made since; it is emptied" for r in emptied)
    above = {name for one in (*loaded, *emptied) for name in around.above(one.name)}
    return Members(
        loaded=tuple(loaded),
        emptied=tuple(emptied),
        ancestors=tuple(by_name[name] for name in sorted(above)),
        types=types,
        differences=tuple(found.differences),
        losses=tuple(found.losses),
        obstacles=tuple(found.obstacles),
        kept=tuple(around.kept(names)),
    )


def _trouble(relation: Relation | None) -> str:
    if relation is None:
        return "does not exist here"
    kinds = {"p": "is partitioned now", "f": "is a foreign table now"}
    return kinds.get(relation.kind, "")


def _compare(
    connection: Connection, wanted: Wanted, loaded: Sequence[Relation], found: _Findings
) -> None:
    oids = {relation.name: relation.oid for relation in loaded}
    present = read_present_columns(connection, list(oids.values()))
    for table in wanted.tables:
        if table.name in oids:
            columns = present[oids[table.name]]
            found.add(compare_columns(table, columns, read_filled(connection, table, columns)))


def _scattered(connection: Connection, names: set[TableName]) -> Iterator[str]:
    """Yield partitioned tables whose rows may land in partitions that are not replaced."""
    spread = read_spread_partitions(connection)
    roots = {root for leaf, root in spread.items() if leaf in names}
    for root in sorted(roots):
        missing = sorted(leaf for leaf, its in spread.items() if its == root and leaf not in names)
        if missing:
            yield (
                f"rows of {root} are spread by the hash of an enum, differently in every database:"
                f" name the whole table, not without {', '.join(map(str, missing))}"
            )
