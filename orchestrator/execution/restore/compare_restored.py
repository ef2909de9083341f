"""Comparing a database that was just restored with its backup (reference/postgres.md §1, rule 9).

Row counts of every table and the state of every sequence always; with proof every row of every
table and every large object, by the same order-free digest on both sides.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Protocol

from orchestrator.archive.row_digest import RowDigest
from orchestrator.errors import RestoreDiffersError
from orchestrator.execution.restore.load_chunks import ChunkSource
from orchestrator.model.contents import Chunk, Details, Table, TableData
from orchestrator.ports.engine import NewDatabase


def compare_restored(
    database: NewDatabase,
    details: Details,
    source: ChunkSource,
    *,
    prove: bool,
    check: Callable[[], None],
) -> None:
    """Do nothing if the database equals the backup.

    ``check`` is called before each table that is read again, and may raise to stop the work.

    Raises:
        RestoreDiffersError: it does not; every difference is named.
    """
    differences = [
        *different_tables(database, details.tables, source, prove=prove, check=check),
        *_different_sequences(database, details),
    ]
    if prove and not differences:
        differences += _different_large_objects(database, details, source)
    if differences:
        raise RestoreDiffersError(
            f"the restored database differs from the backup: {'; '.join(differences)}",
            next_step=(
                "it keeps its temporary name for inspection; restore another backup:"
                " `orchestrator list` shows how far each is verified"
            ),
        )


class ReadableTables(Protocol):
    """What the tables of a new database and those that were replaced have in common."""

    def count_rows(self, tables: Sequence[Table]) -> Sequence[int]:
        """As `NewDatabase.count_rows`."""
        ...

    def comparable(self, tables: Sequence[Table]) -> Sequence[Sequence[Table]]:
        """As `NewDatabase.comparable`."""
        ...

    def read_table(self, table: Table, consume: Callable[[bytes], None]) -> int:
        """As `NewDatabase.read_table`."""
        ...


def different_tables(
    database: ReadableTables,
    tables: Sequence[TableData],
    source: ChunkSource,
    *,
    prove: bool,
    check: Callable[[], None],
) -> Sequence[str]:
    """Return every difference of the tables in words: of their counts and, to prove, their rows."""
    by_name = {data.table.name: data for data in tables}
    listed = database.comparable([data.table for data in tables])
    groups = [[by_name[table.name] for table in group] for group in listed]
    differences = list(_different_counts(database, groups))
    if prove and not differences:
        for group in groups:
            check()
            differences += _different_rows(database, group, source)
    return differences


def _different_counts(
    database: ReadableTables, groups: Sequence[Sequence[TableData]]
) -> Iterator[str]:
    tables = [data.table for group in groups for data in group]
    counts = iter(database.count_rows(tables))
    for group in groups:
        count = sum(islice(counts, len(group)))
        expected = sum(data.rows for data in group)
        if count != expected:
            yield f"{_named(group)} has {count} rows instead of {expected}"


def _named(group: Sequence[TableData]) -> str:
    return " with ".join(str(data.table.name) for data in group)


def _different_sequences(database: NewDatabase, details: Details) -> Iterator[str]:
    found = {state.name: state for state in database.read_sequences()}
    for expected in details.sequences:
        state = found.get(expected.name)
        if state is None:
            yield f"sequence {expected.name} is missing"
        elif state != expected:
            yield f"sequence {expected.name} stands at {state.last_value}, not {expected.last_value}"


def _different_rows(
    database: ReadableTables, group: Sequence[TableData], source: ChunkSource
) -> Sequence[str]:
    restored = RowDigest()
    for data in group:
        database.read_table(data.table, restored.feed)
    if restored.finish() == _digest_of([c for data in group for c in data.chunks], source):
        return ()
    return (f"the rows of {_named(group)} differ",)


def _different_large_objects(
    database: NewDatabase, details: Details, source: ChunkSource
) -> Sequence[str]:
    restored = RowDigest()
    database.read_large_objects(restored.feed)
    if restored.finish() == _digest_of(details.large_object_chunks, source):
        return ()
    return ("large objects differ",)


def _digest_of(chunks: Sequence[Chunk], source: ChunkSource) -> str:
    digest = RowDigest()
    for chunk in chunks:
        for block in source.text_of(chunk):
            digest.feed(block)
    return digest.finish()
