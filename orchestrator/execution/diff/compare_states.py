"""Comparing everything that two states of a database hold."""

from orchestrator.execution.context import Execution
from orchestrator.execution.diff.compare_rows import compare_large_objects, compare_table
from orchestrator.execution.diff.read_rows import RowReading
from orchestrator.execution.diff.states import State, StoredState, open_live, open_stored
from orchestrator.model.backup import Backup
from orchestrator.planning.comparison.report import Comparison, compare_sequences
from orchestrator.planning.comparison.schema import SchemaDescription, compare_schemas
from orchestrator.ports.engine import SchemaReader


def compare_backups(
    first: Backup,
    second: Backup,
    execution: Execution,
    schemas: SchemaReader,
    *,
    examples: int = 0,
) -> Comparison:
    """Compare two backups, also of different series; ``examples`` is how many keys are wanted.

    Raises:
        DamagedBackupError: no copy has what is needed of one of them intact.
    """
    before, after = open_stored(first, execution), open_stored(second, execution)
    return _compare(before, after, execution, schemas, examples)


def compare_with_live(
    backup: Backup, execution: Execution, schemas: SchemaReader, *, examples: int = 0
) -> Comparison:
    """Compare a backup with its database as it is now, read under one snapshot as a backup is.

    Raises:
        DamagedBackupError: no copy has what is needed of the backup intact.
        UsageError: no policy file names the policy of the backup any more.
        SourceError: the database cannot be read; the class names the cause.
    """
    stored = open_stored(backup, execution)
    with open_live(stored, backup, execution) as live:
        return _compare(stored, live, execution, schemas, examples)


def _compare(
    before: State, after: State, execution: Execution, schemas: SchemaReader, examples: int
) -> Comparison:
    first, second = schemas.describe(before.schema()), schemas.describe(after.schema())
    keys = {**second.keys, **first.keys}
    step = execution.progress.started(f"comparing {before.label} with {after.label}", None)
    reading = RowReading(examples=examples, step=step, check=execution.interruption.check)
    try:
        comparison = Comparison(
            tables=tuple(
                compare_table(name, before, after, keys.get(name, ()), reading)
                for name in sorted(before.tables.keys() | after.tables.keys())
            ),
            schema=compare_schemas(first, second),
            large_objects=compare_large_objects(before, after, reading),
            # Last, as in a backup: sequences do not obey snapshots.
            sequences=compare_sequences(before.sequences(), after.sequences()),
            notes=(*_notes(first, second), *_warnings(before), *_warnings(after)),
        )
        after.check()
    finally:
        step.finished()
    return comparison


def _notes(first: SchemaDescription, second: SchemaDescription) -> tuple[str, ...]:
    if first.written_by == second.written_by:
        return ()
    programs = f"{first.written_by} and {second.written_by}"
    return (f"definitions as {programs} write them: some may differ in words alone",)


def _warnings(state: State) -> tuple[str, ...]:
    return state.warnings if isinstance(state, StoredState) else ()
