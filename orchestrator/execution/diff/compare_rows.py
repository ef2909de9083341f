"""Comparing the rows of one table in two states, with disk for memory.

Chunks of the same name are left out unread: their rows are in both states. Every other row becomes
two digests, of its key and of the columns that both states have.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.execution.diff.count_changes import ChangeCounts, count_changes
from orchestrator.execution.diff.read_rows import (
    Projection,
    RowReading,
    buckets_for,
    count_rows,
    find_keys,
    spill_rows,
    without_shared,
)
from orchestrator.execution.diff.spill import SpilledPairs, digest
from orchestrator.execution.diff.states import Piece, State
from orchestrator.model.contents import TableName
from orchestrator.planning.comparison.report import (
    LargeObjectComparison,
    RowChange,
    TableComparison,
)
from orchestrator.planning.comparison.schema import Change


@dataclass(frozen=True, slots=True)
class _Side:
    """What is read of one state, and how. ``rows`` of all its pieces are None if not known yet."""

    state: State
    pieces: Sequence[Piece]
    projection: Projection
    rows: int | None = None


def compare_table(
    name: TableName, before: State, after: State, key: tuple[str, ...], reading: RowReading
) -> TableComparison:
    """Compare one table that at least one state has; ``key`` are the columns of a key, or none.

    Raises:
        DamagedBackupError, SourceError: the rows of a state cannot be read.
    """
    if name not in before.tables or name not in after.tables:
        first = count_rows(before, name, reading) if name in before.tables else None
        second = count_rows(after, name, reading) if name in after.tables else None
        return TableComparison(
            name=name, before=first, after=second, added=second or 0, removed=first or 0
        )
    if before.encoding != after.encoding:
        return TableComparison(
            name=name,
            before=count_rows(before, name, reading),
            after=count_rows(after, name, reading),
            note=f"rows in {before.encoding} and in {after.encoding} cannot be compared",
        )
    return _compare_rows(name, (before, after), key, reading)


def compare_large_objects(
    before: State, after: State, reading: RowReading
) -> LargeObjectComparison:
    """Compare large objects: by their numbers, and those of both states by their bytes."""
    first = {item.oid for item in before.large_objects}
    second = {item.oid for item in after.large_objects}
    pieces = without_shared(before.pieces(None), after.pieces(None))
    by_number = Projection(key=(0,), compared=None)
    sides = (_Side(before, pieces[0], by_number), _Side(after, pieces[1], by_number))
    changes, _ = _changes(sides, reading, wanted=len(first | second), distinct_keys=True)
    unlike = set[bytes]().union(*changes.examples.values())
    return LargeObjectComparison(
        before=len(first),
        after=len(second),
        added=len(second - first),
        removed=len(first - second),
        changed=sum(digest(b"%d" % oid) in unlike for oid in first & second),
    )


def _compare_rows(
    name: TableName, states: tuple[State, State], key: tuple[str, ...], reading: RowReading
) -> TableComparison:
    columns = [[column.name for column in state.tables[name].columns] for state in states]
    common = [column for column in columns[0] if column in columns[1]]
    key = key if set(key) <= set(common) else ()
    sides = _sides(name, states, columns, (common, key))
    changes, counted = _changes(sides, reading, wanted=reading.examples)
    return TableComparison(
        name=name,
        before=counted[0] if sides[0].rows is None else sides[0].rows,
        after=counted[1] if sides[1].rows is None else sides[1].rows,
        key=key,
        added=changes.counts[Change.ADDED],
        removed=changes.counts[Change.REMOVED],
        changed=changes.counts[Change.CHANGED] if key else None,
        rows=tuple(_examples(sides, changes)),
        note=None if columns[0] == columns[1] else _note(columns[0], columns[1], common),
        is_partly=set(columns[0]) != set(columns[1]),
    )


def _sides(
    name: TableName,
    states: tuple[State, State],
    columns: Sequence[Sequence[str]],
    common_and_key: tuple[Sequence[str], Sequence[str]],
) -> tuple[_Side, _Side]:
    """Return what has to be read. Equal chunks hold equal rows only of equal columns."""
    listed = states[0].pieces(name), states[1].pieces(name)
    unlike = without_shared(*listed) if columns[0] == columns[1] else listed
    first, second = (
        _Side(
            states[number],
            unlike[number],
            Projection.of(columns[number], *common_and_key),
            _known_rows(listed[number]),
        )
        for number in (0, 1)
    )
    return first, second


def _known_rows(pieces: Sequence[Piece]) -> int | None:
    rows = [piece.rows for piece in pieces if piece.rows is not None]
    return sum(rows) if len(rows) == len(pieces) else None


def _changes(
    sides: tuple[_Side, _Side], reading: RowReading, *, wanted: int, distinct_keys: bool = False
) -> tuple[ChangeCounts, tuple[int, int]]:
    """Read both sides, and return the changes with the numbers of rows that were read."""
    buckets = buckets_for(sides[0].pieces, sides[1].pieces)
    with SpilledPairs(buckets) as first, SpilledPairs(buckets) as second:
        for spilled, side in zip((first, second), sides, strict=True):
            spill_rows(spilled, side.state, side.pieces, side.projection, reading)
        changes = count_changes(
            first, second, wanted=wanted, check=reading.check, distinct_keys=distinct_keys
        )
        return changes, (first.count, second.count)


def _examples(sides: tuple[_Side, _Side], changes: ChangeCounts) -> list[RowChange]:
    """Return the keys of what changed: of what is gone from the first state, else the second."""
    found: list[RowChange] = []
    for side, kinds in zip(sides, ((Change.REMOVED, Change.CHANGED), (Change.ADDED,)), strict=True):
        wanted = {one: kind for kind in kinds for one in changes.examples[kind]}
        found += find_keys(side.state, side.pieces, side.projection, wanted)
    return found


def _note(first: Sequence[str], second: Sequence[str], common: Sequence[str]) -> str:
    one_sided = sorted(set(first) ^ set(second))
    if not one_sided:
        return "the columns have another order"
    return f"compared by the {len(common)} columns that both have, without {', '.join(one_sided)}"
