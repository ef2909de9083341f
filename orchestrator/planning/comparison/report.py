"""What a comparison of two states of a database found, as values."""

from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.model.contents import SequenceState, TableName
from orchestrator.planning.comparison.schema import Change, SchemaChange


@dataclass(frozen=True, slots=True, kw_only=True)
class RowChange:
    """One row that differs, by its key: values in the order of the key's columns, None for NULL."""

    change: Change
    key: tuple[str | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TableComparison:
    """The rows of one table in both states; None where the state has no such table.

    Without a ``key`` a changed row counts as one removed and one added, and ``changed`` is None.
    ``added``, ``removed`` and ``changed`` are all None where rows could not be compared: ``note``
    says why. ``rows`` are examples, as many as were asked for. A comparison ``is_partly`` one if a
    state has columns that the other has not: nothing shows that these rows are the same.
    """

    name: TableName
    before: int | None
    after: int | None
    key: tuple[str, ...] = ()
    added: int | None = None
    removed: int | None = None
    changed: int | None = None
    rows: tuple[RowChange, ...] = ()
    note: str | None = None
    is_partly: bool = False

    @property
    def differs(self) -> bool:
        """Whether the table is not the same in both states, or could not be compared."""
        return (
            self.before != self.after
            or bool(self.added or self.removed or self.changed)
            or self.added is None
            or self.is_partly
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SequenceChange:
    """A sequence that stands elsewhere; None where the state has no such sequence."""

    name: TableName
    before: SequenceState | None
    after: SequenceState | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LargeObjectComparison:
    """How many large objects there were and are; ``changed`` ones have other bytes."""

    before: int
    after: int
    added: int
    removed: int
    changed: int

    @property
    def differs(self) -> bool:
        """Whether any of them is not the same."""
        return bool(self.added or self.removed or self.changed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Everything that was compared, and what is to be known about how it was compared."""

    tables: tuple[TableComparison, ...]
    schema: tuple[SchemaChange, ...]
    sequences: tuple[SequenceChange, ...]
    large_objects: LargeObjectComparison
    notes: tuple[str, ...] = ()

    @property
    def equal(self) -> bool:
        """Whether nothing at all differs."""
        return not (
            any(table.differs for table in self.tables)
            or self.schema
            or self.sequences
            or self.large_objects.differs
        )


def compare_sequences(
    before: Sequence[SequenceState], after: Sequence[SequenceState]
) -> tuple[SequenceChange, ...]:
    """Return every sequence that is new, gone, or stands elsewhere."""
    first = {state.name: state for state in before}
    second = {state.name: state for state in after}
    return tuple(
        SequenceChange(name=name, before=first.get(name), after=second.get(name))
        for name in sorted(first.keys() | second.keys())
        if first.get(name) != second.get(name)
    )
