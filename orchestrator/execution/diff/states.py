"""The two things that can be compared: a stored backup, and a living database (design §4)."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Protocol

from typing_extensions import override

from orchestrator.execution.context import Execution
from orchestrator.execution.restore.material import Material, fetch_material
from orchestrator.model.backup import Backup
from orchestrator.model.contents import (
    BlockRange,
    Chunk,
    Details,
    LargeObject,
    LargeObjectRange,
    SequenceState,
    Table,
    TableName,
    ancestors_of,
    parents_of,
)
from orchestrator.model.policy import OnUncovered, TableSelection
from orchestrator.ports.engine import SnapshotRequest, SourceSnapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Some rows of a table, or large objects (``table`` None).

    Pieces with the same ``content`` hold the same rows; None says nothing. ``rows`` is None where
    it takes reading to know.
    """

    table: Table | None
    place: Chunk | BlockRange | LargeObjectRange
    content: str | None = None
    rows: int | None = None
    text_bytes: int = 0


class State(Protocol):
    """One state of one database."""

    @property
    def label(self) -> str:
        """How to call it."""
        ...

    @property
    def encoding(self) -> str:
        """PostgreSQL's name of the encoding in which rows are written."""
        ...

    @property
    def tables(self) -> Mapping[TableName, Table]:
        """The tables that it has rows of."""
        ...

    @property
    def large_objects(self) -> Sequence[LargeObject]:
        """The large objects without their bytes."""
        ...

    def pieces(self, name: TableName | None) -> Sequence[Piece]:
        """Return where the rows of a table lie, or the large objects (None)."""
        ...

    def read(self, piece: Piece, consume: Callable[[bytes], None]) -> None:
        """Hand the rows of a piece to ``consume`` as COPY text, proved complete at the end."""
        ...

    def schema(self) -> bytes:
        """Return the schema archive."""
        ...

    def sequences(self) -> Sequence[SequenceState]:
        """Return where the sequences stand."""
        ...

    def check(self) -> None:
        """Do nothing if all that was read is of one moment; call it when everything was read."""
        ...


class StoredState(State):
    """A backup, read from whichever copy has it right."""

    def __init__(self, backup: Backup, material: Material) -> None:
        self._backup = backup
        self._material = material
        self._data = {data.table.name: data for data in material.details.tables}

    @property
    def details(self) -> Details:
        """What is inside the backup."""
        return self._material.details

    @property
    def warnings(self) -> tuple[str, ...]:
        """Which copies had to be passed over, and why."""
        return self._material.objects.warnings

    @property
    @override
    def label(self) -> str:
        return f"backup {self._backup.id}"

    @property
    @override
    def encoding(self) -> str:
        return self.details.properties.encoding

    @property
    @override
    def tables(self) -> Mapping[TableName, Table]:
        return {name: data.table for name, data in self._data.items()}

    @property
    @override
    def large_objects(self) -> Sequence[LargeObject]:
        return self.details.large_objects

    @override
    def pieces(self, name: TableName | None) -> Sequence[Piece]:
        table = None if name is None else self._data[name].table
        chunks = self.details.large_object_chunks if name is None else self._data[name].chunks
        return [
            Piece(
                table=table,
                place=chunk,
                content=chunk.sha256,
                rows=chunk.rows,
                text_bytes=chunk.text_bytes,
            )
            for chunk in chunks
        ]

    @override
    def read(self, piece: Piece, consume: Callable[[bytes], None]) -> None:
        if not isinstance(piece.place, Chunk):
            raise TypeError(f"a backup holds chunks, not {piece.place}")
        for block in self._material.chunks.text_of(piece.place):
            consume(block)

    @override
    def schema(self) -> bytes:
        return self._material.schema

    @override
    def sequences(self) -> Sequence[SequenceState]:
        return self.details.sequences

    @override
    def check(self) -> None:
        pass


class LiveState(State):
    """A database as one snapshot has it, as far as a backup covers its tables."""

    def __init__(self, snapshot: SourceSnapshot, details: Details) -> None:
        """``details`` are of the backup that it is compared with."""
        self._snapshot = snapshot
        contents = snapshot.contents
        ranges = zip(contents.tables, contents.ranges, strict=True)
        parents = parents_of(contents.tables, contents.partitions)
        known = {data.table.name for data in details.tables}
        self._ranges = {
            table.name: (table, listed)
            for table, listed in ranges
            if table.name in known or _is_included(table, parents, details.selection_include)
        }

    @property
    @override
    def label(self) -> str:
        return f"database {self._snapshot.contents.properties.name}"

    @property
    @override
    def encoding(self) -> str:
        return self._snapshot.contents.properties.encoding

    @property
    @override
    def tables(self) -> Mapping[TableName, Table]:
        return {name: table for name, (table, _) in self._ranges.items()}

    @property
    @override
    def large_objects(self) -> Sequence[LargeObject]:
        return self._snapshot.contents.large_objects

    @override
    def pieces(self, name: TableName | None) -> Sequence[Piece]:
        if name is None:
            contents = self._snapshot.contents
            return [Piece(table=None, place=oids) for oids in contents.large_object_ranges]
        table, ranges = self._ranges[name]
        return [Piece(table=table, place=blocks) for blocks in ranges]

    @override
    def read(self, piece: Piece, consume: Callable[[bytes], None]) -> None:
        reader = self._snapshot.readers[0]
        match piece.table, piece.place:
            case Table() as table, BlockRange() as blocks:
                reader.read_table(table, blocks, consume)
            case None, LargeObjectRange() as oids:
                reader.read_large_objects(oids, consume)
            case _:
                raise TypeError(f"tables have block ranges, large objects have oid ranges: {piece}")

    @override
    def schema(self) -> bytes:
        return self._snapshot.dump_schema()

    @override
    def sequences(self) -> Sequence[SequenceState]:
        return self._snapshot.read_sequences()

    @override
    def check(self) -> None:
        self._snapshot.check()


def open_stored(backup: Backup, execution: Execution) -> StoredState:
    """Return a backup as a state.

    Raises:
        DamagedBackupError: no copy has its details or schema intact.
    """
    return StoredState(backup, fetch_material(backup, execution))


@contextmanager
def open_live(stored: StoredState, backup: Backup, execution: Execution) -> Iterator[LiveState]:
    """Open one snapshot of the database that a backup was taken of, read as a backup reads.

    Every table that the backup does not exclude is locked for reading: a table of the backup that
    is gone now is a difference, not a pattern that matches nothing.

    Raises:
        UsageError: no policy file names the policy of the backup any more.
        SourceError: with the class that names the cause.
    """
    details = stored.details
    request = SnapshotRequest(
        run=execution.new_run_id(),
        source=execution.policy_of(backup.series).source,
        database=backup.series.database,
        selection=TableSelection(
            exclude=details.selection_exclude, on_uncovered=OnUncovered.IGNORE
        ),
        workers=1,
        blocks_per_chunk={
            str(data.table.name): data.table.blocks_per_chunk for data in details.tables
        },
    )
    with execution.source.open_snapshot(request) as snapshot:
        yield LiveState(snapshot, details)


def _is_included(
    table: Table, parents: Mapping[TableName, TableName], include: Sequence[str]
) -> bool:
    names = [str(name) for name in (table.name, *ancestors_of(table.name, parents))]
    # Brackets mean themselves in a policy's patterns.
    patterns = [pattern.replace("[", "[[]") for pattern in include]
    return not include or any(fnmatchcase(name, one) for name in names for one in patterns)
