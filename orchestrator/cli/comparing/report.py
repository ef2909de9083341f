"""A comparison for people and for programs."""

from collections.abc import Iterator, Sequence

import click

from orchestrator.cli.rendering import print_table, printable
from orchestrator.model.contents import SequenceState
from orchestrator.planning.comparison.report import (
    Comparison,
    LargeObjectComparison,
    SequenceChange,
    TableComparison,
)
from orchestrator.planning.comparison.schema import Change, SchemaChange
from orchestrator.planning.phrases import count

_MISSING = "-"
_UNKNOWN = "?"


def print_comparison(comparison: Comparison, *, before: str, after: str) -> None:
    """Print what differs, and how much does not."""
    click.echo(printable(f"before: backup {before}; after: {after}"))
    differing = [table for table in comparison.tables if table.differs]
    if differing:
        click.echo()
        _print_tables(differing)
    click.echo()
    for line in _sentences(comparison, len(comparison.tables) - len(differing)):
        click.echo(printable(line))


def comparison_as_json(comparison: Comparison, *, before: str, after: str) -> dict[str, object]:
    """Return the comparison as a versioned document; numbers of sequences are texts, as in details."""
    objects = comparison.large_objects
    return {
        "version": 1,
        "before": before,
        "after": after,
        "equal": comparison.equal,
        "tables": [_table_as_json(table) for table in comparison.tables],
        "schema": [_schema_as_json(change) for change in comparison.schema],
        "sequences": [_sequence_as_json(change) for change in comparison.sequences],
        "large_objects": {
            "before": objects.before,
            "after": objects.after,
            "added": objects.added,
            "removed": objects.removed,
            "changed": objects.changed,
        },
        "notes": list(comparison.notes),
    }


def _print_tables(tables: Sequence[TableComparison]) -> None:
    print_table(
        ("TABLE", "BEFORE", "AFTER", "ADDED", "REMOVED", "CHANGED"),
        [
            (
                str(table.name),
                _MISSING if table.before is None else f"{table.before:,}",
                _MISSING if table.after is None else f"{table.after:,}",
                *(_number(value) for value in (table.added, table.removed)),
                _MISSING
                if table.changed is None and table.note is None
                else _number(table.changed),
            )
            for table in tables
        ],
    )


def _number(value: int | None) -> str:
    return _UNKNOWN if value is None else f"{value:,}"


def _sentences(comparison: Comparison, equal_tables: int) -> Iterator[str]:
    for table in comparison.tables:
        yield from _sentences_of_rows(table)
        if table.note:
            yield f"table {table.name}: {table.note}"
    yield f"{count(equal_tables, 'table has', 'tables have')} the same rows"
    for change in comparison.schema:
        yield change.words
    if not comparison.schema:
        yield "the schema is the same"
    yield from (_words_of_sequence(change) for change in comparison.sequences)
    yield from _words_of_large_objects(comparison.large_objects)
    yield from (f"note: {note}" for note in comparison.notes)


def _sentences_of_rows(table: TableComparison) -> Iterator[str]:
    for row in table.rows:
        pairs = zip(table.key, row.key, strict=True)
        key = ", ".join(f"{name} = {'NULL' if text is None else text}" for name, text in pairs)
        yield f"{table.name}: {row.change.value} {key}"
    told = {change: sum(row.change is change for row in table.rows) for change in Change}
    whole = {
        Change.ADDED: table.added or 0,
        Change.REMOVED: table.removed or 0,
        Change.CHANGED: table.changed or 0,
    }
    more = sum(whole.values()) - sum(told.values())
    if table.rows and more:
        yield f"{table.name}: and {count(more, 'other row')}"


def _words_of_sequence(change: SequenceChange) -> str:
    if change.before is None or change.after is None:
        return f"sequence {change.name} {'added' if change.before is None else 'removed'}"
    return (
        f"sequence {change.name} stood at {_stands(change.before)}, now at {_stands(change.after)}"
    )


def _stands(state: SequenceState) -> str:
    return f"{state.last_value}" + ("" if state.is_called else " (not used yet)")


def _words_of_large_objects(objects: LargeObjectComparison) -> Iterator[str]:
    if objects.differs:
        yield (
            f"large objects: {objects.before:,} before, {objects.after:,} after;"
            f" {objects.added:,} added, {objects.removed:,} removed, {objects.changed:,} changed"
        )


def _table_as_json(table: TableComparison) -> dict[str, object]:
    return {
        "schema": table.name.schema,
        "name": table.name.name,
        "differs": table.differs,
        "before": table.before,
        "after": table.after,
        "key": list(table.key),
        "added": table.added,
        "removed": table.removed,
        "changed": table.changed,
        "rows": [{"change": row.change.value, "key": list(row.key)} for row in table.rows],
        "note": table.note,
    }


def _schema_as_json(change: SchemaChange) -> dict[str, object]:
    return {
        "kind": change.kind.lower(),
        "name": change.name,
        "change": change.change.value,
        "parts": [
            {"label": part.label, "before": part.before, "after": part.after}
            for part in change.parts
        ],
        "words": change.words,
    }


def _sequence_as_json(change: SequenceChange) -> dict[str, object]:
    return {
        "schema": change.name.schema,
        "name": change.name.name,
        "before": _state_as_json(change.before),
        "after": _state_as_json(change.after),
    }


def _state_as_json(state: SequenceState | None) -> dict[str, object] | None:
    if state is None:
        return None
    return {"last_value": str(state.last_value), "is_called": state.is_called}
