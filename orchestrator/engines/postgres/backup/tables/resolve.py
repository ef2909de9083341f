"""From patterns to the exact relations that are locked and read (rules 2 and 8)."""

from collections.abc import Mapping
from dataclasses import dataclass

from orchestrator.engines.postgres.backup.tables.relations import (
    Connection,
    Relation,
    read_relations,
)
from orchestrator.engines.postgres.backup.tables.selection import select_tables
from orchestrator.engines.postgres.identifiers import qualified
from orchestrator.errors import UncoveredTableError, UnsupportedServerError
from orchestrator.model.contents import WITHOUT_ROWS, LeftOut, Partition, TableName
from orchestrator.model.policy import OnUncovered, TableSelection

_SCATTERED = """
SELECT extname FROM pg_catalog.pg_extension WHERE extname IN ('timescaledb', 'citus') ORDER BY 1
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """What a selection means at one moment; two equal values mean the same tables and leaves.

    ``locked`` are all tables of the selection, partitioned parents included, ``read`` those of them
    that have rows of their own. ``partition_of`` has every partition of the database, so that the
    way up from any table is known, whatever of it the selection names.
    """

    locked: tuple[Relation, ...]
    read: tuple[Relation, ...]
    partition_of: Mapping[TableName, TableName]
    left_out: tuple[LeftOut, ...]
    uncovered: tuple[TableName, ...]

    @property
    def partitions(self) -> tuple[Partition, ...]:
        """The partitions that are not read: partitioned themselves, or left out."""
        read = {relation.name for relation in self.read}
        return tuple(
            Partition(name, above) for name, above in self.partition_of.items() if name not in read
        )

    def lock_statement(self, *, nowait: bool) -> str | None:
        """Return the statement that keeps the tables from being truncated, rewritten or dropped.

        None if there is no table. ONLY, because the leaves are in the list by themselves.
        """
        if not self.locked:
            return None
        tables = ", ".join(f"ONLY {qualified(relation.name)}" for relation in self.locked)
        return f"LOCK TABLE {tables} IN ACCESS SHARE MODE" + (" NOWAIT" if nowait else "")


def resolve(connection: Connection, selection: TableSelection) -> Resolved:
    """Match the selection against the tables that the connection sees now.

    Raises:
        TablesNotFoundError: a pattern of ``include`` matches nothing.
        UncoveredTableError: a table is named by no pattern, and the policy says ``fail``.
    """
    relations = read_relations(connection)
    by_name = {relation.name: relation for relation in relations.tables}
    candidates = [relation.name for relation in relations.tables if not relation.of_extension]
    selected = select_tables(candidates, relations.parents, selection)
    if selected.uncovered and selection.on_uncovered is OnUncovered.FAIL:
        raise UncoveredTableError(
            f"no pattern names {', '.join(map(str, selected.uncovered))}",
            next_step="add a pattern to tables.include or tables.exclude",
        )
    ignored = selected.uncovered if selection.on_uncovered is OnUncovered.IGNORE else ()
    empty = {
        **dict.fromkeys(selected.excluded, "excluded by the policy"),
        **dict.fromkeys(ignored, "no pattern of the policy names the table"),
    }
    chosen = [by_name[name] for name in selected.tables]
    return Resolved(
        locked=tuple(relation for relation in chosen if relation.kind != "f"),
        read=tuple(relation for relation in chosen if relation.has_rows_of_its_own),
        partition_of={
            relation.name: relations.parents[relation.name][0]
            for relation in relations.tables
            # One that was detached between the two looks into the catalog has no parent any more.
            if relation.is_partition and relation.name in relations.parents
        },
        left_out=relations.left_out() + _without_rows(by_name, empty),
        uncovered=() if ignored else selected.uncovered,
    )


def _without_rows(
    relations: Mapping[TableName, Relation], reasons: Mapping[TableName, str]
) -> tuple[LeftOut, ...]:
    """Return the tables that come back without the rows they have, because the policy says so."""
    return tuple(
        LeftOut(kind=WITHOUT_ROWS, name=str(name), reason=reason)
        for name, reason in reasons.items()
        if relations[name].has_rows_of_its_own
    )


def refuse_scattered_tables(connection: Connection) -> None:
    """Refuse databases whose rows lie in tables that only an extension knows how to copy.

    Raises:
        UnsupportedServerError: TimescaleDB or Citus is installed.
    """
    found = [str(name) for (name,) in connection.execute(_SCATTERED)]
    if found:
        raise UnsupportedServerError(
            f"the database uses {', '.join(found)}, whose rows lie in tables of the extension's own",
            next_step="back it up with the extension's own tools or a physical backup",
        )
