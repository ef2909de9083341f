"""Everything that a backup holds, read from one snapshot and stored as it arrives (design §6)."""

from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.execution.backup.chunk_store import ChunkStore
from orchestrator.execution.backup.read_chunks import (
    ChunkWork,
    large_object_chunks,
    reading_chunks,
    table_data,
)
from orchestrator.execution.context import Execution
from orchestrator.model.contents import Details
from orchestrator.model.policy import Policy
from orchestrator.ports.engine import SourceSnapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadSnapshot:
    """What was read: chunks are stored already, the schema and globals are still bytes.

    ``new_bytes`` counts the chunks that had to be written.
    """

    details: Details
    schema: bytes
    globals: bytes
    new_bytes: int


def read_snapshot(
    snapshot: SourceSnapshot,
    policy: Policy,
    *,
    path: str,
    stores: Sequence[ChunkStore],
    execution: Execution,
) -> ReadSnapshot:
    """Read and store all rows, and return them with the schema, globals and sequences.

    The schema is dumped at once, beside the first chunks: later an ALTER may queue behind our
    locks, and pg_dump behind it (reference/postgres.md §1, rule 5). Sequences come last, because
    they do not obey snapshots (rule 8).
    """
    step = execution.progress.started(f"reading {snapshot.contents.properties.name}", None)
    work = ChunkWork(
        path=path,
        zstd_level=policy.zstd_level,
        stores=stores,
        step=step,
        check=execution.interruption.check,
    )
    try:
        return _read(snapshot, policy, work)
    finally:
        step.finished()


def _read(snapshot: SourceSnapshot, policy: Policy, work: ChunkWork) -> ReadSnapshot:
    contents = snapshot.contents
    with reading_chunks(contents, snapshot.readers, work) as state:
        schema = snapshot.dump_schema()
        globals_sql = snapshot.dump_globals()
    details = Details(
        identity=contents.identity,
        snapshot_at=contents.snapshot_at,
        properties=contents.properties,
        tables=table_data(contents, state),
        large_objects=contents.large_objects,
        large_object_chunks=large_object_chunks(contents, state),
        sequences=tuple(snapshot.read_sequences()),
        roles=contents.roles,
        left_out=contents.left_out,
        uncovered=contents.uncovered,
        selection_include=policy.tables.include,
        selection_exclude=policy.tables.exclude,
        unpopulated=contents.unpopulated,
        types=contents.types,
        extensions=contents.extensions,
        partitions=contents.partitions,
    )
    return ReadSnapshot(
        details=details, schema=schema, globals=globals_sql, new_bytes=state.new_bytes
    )
