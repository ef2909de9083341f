"""Opening snapshots of test databases with the real source engine."""

import os
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import timedelta

from orchestrator.clock import SystemClock
from orchestrator.engines.postgres.backup.source import PostgresSource
from orchestrator.model.contents import BlockRange, TableName
from orchestrator.model.names import DatabaseName, RunId
from orchestrator.model.policy import Source, TableSelection
from orchestrator.model.secret import Secret
from orchestrator.ports.engine import ChunkReader, SnapshotRequest, SourceSnapshot

RUN = RunId("20261122T020000Z-7f3a9c")


def a_source(url: str, database: str, **changes: timedelta) -> Source:
    source = Source(
        engine="postgresql",
        url=Secret(url, "test"),
        restore_url=Secret(url, "test"),
        databases=(DatabaseName(database),),
        lock_timeout=timedelta(seconds=2),
        stall_timeout=timedelta(seconds=10),
        max_duration=timedelta(minutes=5),
        yield_after=timedelta(seconds=30),
    )
    return replace(source, **changes)


def open_snapshot(
    url: str,
    database: str,
    *,
    selection: TableSelection | None = None,
    blocks_per_chunk: dict[str, int] | None = None,
    environment: Mapping[str, str] | None = None,
    **changes: timedelta,
) -> AbstractContextManager[SourceSnapshot]:
    request = SnapshotRequest(
        run=RUN,
        source=a_source(url, database, **changes),
        database=DatabaseName(database),
        selection=selection or TableSelection(),
        workers=2,
        blocks_per_chunk=blocks_per_chunk or {},
    )
    return PostgresSource(
        clock=SystemClock(), environment=environment or dict(os.environ)
    ).open_snapshot(request)


def read_text(
    snapshot: SourceSnapshot, name: TableName, reader: ChunkReader | None = None
) -> bytes:
    """Return all rows of a table as COPY text, range by range."""
    blocks: list[bytes] = []
    reader = reader or snapshot.readers[0]
    for table, ranges in zip(snapshot.contents.tables, snapshot.contents.ranges, strict=True):
        if table.name == name:
            for part in ranges:
                reader.read_table(table, part, blocks.append)
    return b"".join(blocks)


def table_names(snapshot: SourceSnapshot) -> list[str]:
    return [str(table.name) for table in snapshot.contents.tables]


WHOLE = BlockRange(0, None)
Consume = Callable[[bytes], None]
