"""A database server in a few dictionaries, behind the engine ports, for tests of what uses them.

A row is a line of COPY text without its end. Row ``i`` of a table lies in block
``i // ROWS_PER_BLOCK``, so that appended rows leave earlier chunks as they were.
"""

import json
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import datetime

from orchestrator.errors import DatabaseMissingError, SnapshotLostError, TargetExistsError
from orchestrator.model.contents import (
    BlockRange,
    Column,
    DatabaseProperties,
    Details,
    LargeObject,
    LargeObjectRange,
    Partition,
    SequenceState,
    ServerIdentity,
    SkippedEntry,
    SourceContents,
    Table,
    TableName,
)
from orchestrator.model.names import RunId
from orchestrator.model.policy import Source
from orchestrator.ports.clock import Clock
from orchestrator.ports.engine import ChunkReader, RestoreRequest, SnapshotRequest

ROWS_PER_BLOCK = 5
DEFAULT_BLOCKS_PER_CHUNK = 2
LARGE_OBJECTS_PER_CHUNK = 2

Consume = Callable[[bytes], None]


@dataclass
class InMemoryDatabase:
    """What a database holds."""

    tables: dict[TableName, list[bytes]] = field(default_factory=dict)
    sequences: dict[TableName, tuple[int, bool]] = field(default_factory=dict)
    large_objects: dict[int, bytes] = field(default_factory=dict)


@dataclass
class InMemoryServer:
    """Databases by name, and what tests want to know or to break.

    Its clock is ours unless it has one of its own.
    """

    databases: dict[str, InMemoryDatabase] = field(default_factory=dict)
    open_snapshots: int = 0
    ended_orphans: list[RunId] = field(default_factory=list)
    snapshot_is_lost: bool = False
    disguise_reader: Callable[[ChunkReader], ChunkReader] = lambda reader: reader
    skipped_by_publish: tuple[SkippedEntry, ...] = ()
    clock: Callable[[], datetime] | None = None


def table_name(text: str) -> TableName:
    schema, name = text.split(".")
    return TableName(schema, name)


class InMemorySource:
    """A `SourceEngine` over an in-memory server."""

    def __init__(self, server: InMemoryServer, clock: Clock) -> None:
        self._server = server
        self._clock = clock

    @contextmanager
    def open_snapshot(self, request: SnapshotRequest) -> Iterator["InMemorySnapshot"]:
        if request.database not in self._server.databases:
            raise DatabaseMissingError(
                f"there is no database {request.database!r}", next_step="create it"
            )
        self._server.open_snapshots += 1
        try:
            yield InMemorySnapshot(self._server, request, self._clock)
        finally:
            self._server.open_snapshots -= 1

    def end_orphans(self, source: Source, run: RunId) -> int:
        del source
        self._server.ended_orphans.append(run)
        return 0


class InMemorySnapshot:
    """A deep copy of a database, taken when it was opened."""

    def __init__(self, server: InMemoryServer, request: SnapshotRequest, clock: Clock) -> None:
        self._server = server
        self._database = deepcopy(server.databases[request.database])
        contents = _contents(self._database, request, clock)
        says = contents.snapshot_at if server.clock is None else server.clock()
        self.contents = replace(contents, server_ahead=says - contents.snapshot_at)
        reader = InMemoryReader(self._database)
        self.readers = [server.disguise_reader(reader) for _ in range(request.workers)]

    def dump_schema(self) -> bytes:
        return schema_archive(self._database)

    def dump_globals(self) -> bytes:
        return b"CREATE ROLE owner;\n"

    def read_sequences(self) -> Sequence[SequenceState]:
        return _sequence_states(self._database)

    def check(self) -> None:
        if self._server.snapshot_is_lost:
            raise SnapshotLostError("the coordinator's session ended", next_step="run it again")


class InMemoryReader:
    """Reads ranges of a database in small blocks with awkward boundaries."""

    def __init__(self, database: InMemoryDatabase) -> None:
        self._database = database

    def read_table(self, table: Table, blocks: BlockRange, consume: Consume) -> int:
        rows = self._database.tables[table.name]
        end = None if blocks.end is None else blocks.end * ROWS_PER_BLOCK
        return _send(rows[blocks.first * ROWS_PER_BLOCK : end], consume)

    def read_large_objects(self, oids: LargeObjectRange, consume: Consume) -> int:
        wanted = {
            oid: data
            for oid, data in self._database.large_objects.items()
            if oid >= oids.first and (oids.end is None or oid < oids.end)
        }
        return _send(_large_object_rows(wanted), consume)


class InMemoryTarget:
    """A `TargetEngine` over an in-memory server."""

    def __init__(self, server: InMemoryServer) -> None:
        self._server = server

    @contextmanager
    def create_database(
        self, request: RestoreRequest, properties: DatabaseProperties
    ) -> Iterator["InMemoryNewDatabase"]:
        del properties
        if request.final_name in self._server.databases:
            raise TargetExistsError(
                f"there is a database {request.final_name!r} already", next_step="choose another"
            )
        self._server.databases[request.temporary_name] = InMemoryDatabase()
        yield InMemoryNewDatabase(self._server, request)

    def read_partitions(self, schema_archive: bytes) -> Sequence[Partition]:
        del schema_archive
        return ()

    def read_owners(self, schema_archive: bytes) -> frozenset[str]:
        del schema_archive
        return frozenset()


class InMemoryNewDatabase:
    """A database under its temporary name."""

    notes: tuple[str, ...] = ()

    def __init__(self, server: InMemoryServer, request: RestoreRequest) -> None:
        self._server = server
        self._request = request
        self.database = server.databases[request.temporary_name]
        self.loaders = [InMemoryLoader(self.database) for _ in range(request.workers)]

    def restore_pre_data(self, schema: bytes, details: Details) -> Sequence[SkippedEntry]:
        for text in json.loads(schema.removeprefix(b"PGDMP")):
            self.database.tables[table_name(text)] = []
        self.database.large_objects = {item.oid: b"" for item in details.large_objects}
        return ()

    def restore_post_data(self, schema: bytes, details: Details) -> Sequence[SkippedEntry]:
        del schema
        self.database.sequences = {
            state.name: (state.last_value, state.is_called) for state in details.sequences
        }
        return ()

    def count_rows(self, tables: Sequence[Table]) -> Sequence[int]:
        return [len(self.database.tables[table.name]) for table in tables]

    def comparable(self, tables: Sequence[Table]) -> Sequence[Sequence[Table]]:
        return [[table] for table in tables]

    def read_table(self, table: Table, consume: Consume) -> int:
        return _send(reversed(self.database.tables[table.name]), consume)

    def read_sequences(self) -> Sequence[SequenceState]:
        return _sequence_states(self.database)

    def read_large_objects(self, consume: Consume) -> int:
        return _send(_large_object_rows(self.database.large_objects), consume)

    def publish(self) -> Sequence[SkippedEntry]:
        databases = self._server.databases
        databases[self._request.final_name] = databases.pop(self._request.temporary_name)
        return self._server.skipped_by_publish


class InMemoryLoader:
    """Takes rows in."""

    _lock = threading.Lock()

    def __init__(self, database: InMemoryDatabase) -> None:
        self._database = database

    def load_table(self, table: Table, text: Iterable[bytes]) -> int:
        rows = b"".join(text).split(b"\n")[:-1]
        with self._lock:
            self._database.tables[table.name].extend(rows)
        return len(rows)

    def load_large_objects(self, text: Iterable[bytes]) -> int:
        rows = b"".join(text).split(b"\n")[:-1]
        for row in rows:
            oid, _, hexadecimal = row.split(b"\t")
            self._database.large_objects[int(oid)] = bytes.fromhex(hexadecimal[3:].decode())
        return len(rows)


def schema_archive(database: InMemoryDatabase) -> bytes:
    """What `dump_schema` returns: begins like an archive of pg_dump, and lists the tables."""
    return b"PGDMP" + json.dumps([str(name) for name in sorted(database.tables)]).encode()


def _contents(database: InMemoryDatabase, request: SnapshotRequest, clock: Clock) -> SourceContents:
    tables = tuple(
        Table(
            name=name,
            columns=(Column(name="id", type="integer"), Column(name="text", type="text")),
            blocks_per_chunk=request.blocks_per_chunk.get(str(name), DEFAULT_BLOCKS_PER_CHUNK),
        )
        for name in sorted(database.tables)
    )
    oids = sorted(database.large_objects)
    return SourceContents(
        identity=_identity(),
        snapshot_at=clock.now(),
        tables=tables,
        ranges=tuple(_ranges(table, len(database.tables[table.name])) for table in tables),
        large_objects=tuple(
            LargeObject(oid=oid, owner="owner", acl=None, comment=None) for oid in oids
        ),
        large_object_ranges=_large_object_ranges(oids),
        properties=_properties(request.database),
        roles=(),
        left_out=(),
        uncovered=(),
    )


def _ranges(table: Table, rows: int) -> tuple[BlockRange, ...]:
    blocks = -(-rows // ROWS_PER_BLOCK)
    starts = range(0, max(blocks, 1), table.blocks_per_chunk)
    return tuple(
        BlockRange(start, start + table.blocks_per_chunk if start != starts[-1] else None)
        for start in starts
    )


def _large_object_ranges(oids: Sequence[int]) -> tuple[LargeObjectRange, ...]:
    if not oids:
        return ()
    starts = [0, *oids[LARGE_OBJECTS_PER_CHUNK::LARGE_OBJECTS_PER_CHUNK]]
    ends = [*starts[1:], None]
    return tuple(LargeObjectRange(first, end) for first, end in zip(starts, ends, strict=True))


def _sequence_states(database: InMemoryDatabase) -> Sequence[SequenceState]:
    return [
        SequenceState(name=name, last_value=last_value, is_called=is_called)
        for name, (last_value, is_called) in sorted(database.sequences.items())
    ]


def _large_object_rows(large_objects: dict[int, bytes]) -> list[bytes]:
    return [b"%d\t0\t\\\\x%s" % (oid, data.hex().encode()) for oid, data in large_objects.items()]


def _send(rows: Iterable[bytes], consume: Consume) -> int:
    rows = list(rows)
    text = b"".join(row + b"\n" for row in rows)
    for start in range(0, len(text), 7):
        consume(text[start : start + 7])
    return len(rows)


def _identity() -> ServerIdentity:
    return ServerIdentity(
        system_identifier="7300000000000000001",
        database_oid=16384,
        version="17.10",
        version_number=170010,
        in_recovery=False,
    )


def _properties(database: str) -> DatabaseProperties:
    return DatabaseProperties(
        name=database,
        owner="owner",
        encoding="UTF8",
        locale_provider="libc",
        collate="C",
        ctype="C",
        locale=None,
        icu_rules=None,
        collation_version=None,
        tablespace="pg_default",
        acl=None,
        connection_limit=-1,
        comment=None,
        settings=(),
    )
