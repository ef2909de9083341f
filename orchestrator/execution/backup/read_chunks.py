"""Reading all ranges of a snapshot in parallel, and storing them as chunks (design §6, §10).

One thread per worker session takes ranges from a shared queue: read, compress, next. A second one
stores what the first has made, so that no session waits for a disk or a network (docs/adr/0013).
Memory is bounded by the compressed bytes of two chunks per worker. The first error stops the others.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

from orchestrator.archive.compression import ChunkCompressor, CompressedChunk
from orchestrator.archive.layout import chunk_key
from orchestrator.errors import IncompleteStreamError
from orchestrator.execution.backup.chunk_store import ChunkStore
from orchestrator.model.contents import (
    BlockRange,
    Chunk,
    LargeObjectRange,
    SourceContents,
    Table,
    TableData,
)
from orchestrator.ports.engine import ChunkReader
from orchestrator.ports.progress import Step


@dataclass(frozen=True, slots=True)
class ChunkTask:
    """One range to read: of a table, or of the large objects (``table`` None)."""

    table: Table | None
    range: BlockRange | LargeObjectRange


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkWork:
    """How chunks are made and where they go; ``check`` may raise at any block to stop the work."""

    path: str
    zstd_level: int
    stores: Sequence[ChunkStore]
    step: Step
    check: Callable[[], None]


class HaltedError(Exception):
    """Another worker failed; its error is the one that counts."""


@dataclass(slots=True)
class ReadingState:
    """What the workers of one run share."""

    tasks: deque[ChunkTask]
    chunks: dict[ChunkTask, Chunk] = field(default_factory=dict)
    new_bytes: int = 0
    first_error: Exception | None = None
    _halted: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def halt(self, error: Exception | None = None) -> None:
        """Stop all workers; the first error given is kept."""
        with self._lock:
            self.first_error = self.first_error or error
        self._halted.set()

    def check(self) -> None:
        """Raise HaltedError once somebody halted the work."""
        if self._halted.is_set():
            raise HaltedError

    def add(self, task: ChunkTask, chunk: Chunk, *, written: bool) -> None:
        """Keep a finished chunk."""
        with self._lock:
            self.chunks[task] = chunk
            self.new_bytes += chunk.stored_bytes if written else 0


@contextmanager
def reading_chunks(
    contents: SourceContents, readers: Sequence[ChunkReader], work: ChunkWork
) -> Iterator[ReadingState]:
    """Read and store everything in the background of the block; all is done when it ends.

    The state's ``chunks`` are complete only after the block. Whoever fails first, a worker or the
    block, stops the rest, and its error is the one that is raised.

    Raises:
        IncompleteStreamError: a stream's lines are not the rows that the server counted.
        OrchestratorError: whatever the engine, a destination or the lease raised.
    """
    state = ReadingState(tasks=deque(tasks_of(contents)))
    with ThreadPoolExecutor(len(readers), thread_name_prefix="read-chunks") as pool:
        futures = [pool.submit(_work_off, reader, work, state) for reader in readers]
        try:
            yield state
            for future in futures:
                future.result()
        except Exception as error:  # noqa: BLE001 - kept, and raised below when all have stopped
            state.halt(error)
        except BaseException:
            state.halt()
            raise
    if state.first_error is not None:
        raise state.first_error


def tasks_of(contents: SourceContents) -> Sequence[ChunkTask]:
    """Return the ranges to read, the largest first: full ranges are, open last ones may be small."""
    tables = [
        ChunkTask(table, blocks)
        for table, ranges in zip(contents.tables, contents.ranges, strict=True)
        for blocks in ranges
    ]
    large_objects = [ChunkTask(None, oids) for oids in contents.large_object_ranges]
    return sorted([*tables, *large_objects], key=lambda task: task.range.end is None)


def table_data(contents: SourceContents, state: ReadingState) -> tuple[TableData, ...]:
    """Return each table with its chunks in the order of their ranges."""
    return tuple(
        TableData(
            table=table,
            chunks=tuple(state.chunks[ChunkTask(table, blocks)] for blocks in ranges),
        )
        for table, ranges in zip(contents.tables, contents.ranges, strict=True)
    )


def large_object_chunks(contents: SourceContents, state: ReadingState) -> tuple[Chunk, ...]:
    """Return the chunks of the large objects in the order of their ranges."""
    return tuple(state.chunks[ChunkTask(None, oids)] for oids in contents.large_object_ranges)


def _work_off(reader: ChunkReader, work: ChunkWork, state: ReadingState) -> None:
    try:
        with ThreadPoolExecutor(1, thread_name_prefix="store-chunks") as pool:
            _read_and_store(reader, work, state, pool)
    except HaltedError:
        return
    except Exception as error:  # noqa: BLE001 - kept, and raised by reading_chunks
        state.halt(error)
    except BaseException:
        state.halt()
        raise


def _read_and_store(
    reader: ChunkReader, work: ChunkWork, state: ReadingState, pool: ThreadPoolExecutor
) -> None:
    """Read range after range, and store each while the next one is read."""
    storing: Future[None] | None = None
    while task := _next_task(state):
        compressed = _compress(task, reader, work, state)
        if storing is not None:
            storing.result()
        storing = pool.submit(_store_or_halt, task, compressed, work, state)
    if storing is not None:
        storing.result()


def _next_task(state: ReadingState) -> ChunkTask | None:
    state.check()
    try:
        return state.tasks.popleft()
    except IndexError:
        return None


def _store_or_halt(
    task: ChunkTask, compressed: CompressedChunk, work: ChunkWork, state: ReadingState
) -> None:
    """Store a chunk; if that fails, nobody goes on reading in vain."""
    try:
        state.check()
        _store(task, compressed, work, state)
    except Exception as error:
        state.halt(None if isinstance(error, HaltedError) else error)
        raise


def _store(
    task: ChunkTask, compressed: CompressedChunk, work: ChunkWork, state: ReadingState
) -> None:
    written = [store.put(compressed) for store in work.stores]
    chunk = Chunk(
        range=task.range,
        key=chunk_key(work.path, compressed.sha256),
        rows=compressed.lines,
        text_bytes=compressed.text_bytes,
        stored_bytes=len(compressed.data),
        sha256=compressed.sha256,
    )
    state.add(task, chunk, written=any(written))


def _read_range(task: ChunkTask, reader: ChunkReader, consume: Callable[[bytes], None]) -> int:
    match task:
        case ChunkTask(Table() as table, BlockRange() as blocks):
            return reader.read_table(table, blocks, consume)
        case ChunkTask(None, LargeObjectRange() as oids):
            return reader.read_large_objects(oids, consume)
        case _:
            raise TypeError(f"a table has block ranges, large objects have oid ranges: {task}")


def _compress(
    task: ChunkTask, reader: ChunkReader, work: ChunkWork, state: ReadingState
) -> CompressedChunk:
    compressor = ChunkCompressor(work.zstd_level)

    def consume(text: bytes) -> None:
        state.check()
        work.check()
        compressor.feed(text)
        work.step.advanced(len(text))

    rows = _read_range(task, reader, consume)
    compressed = compressor.finish()
    if compressed.lines != rows:
        raise IncompleteStreamError(
            f"the server counted {rows} rows of {task.table.name if task.table else 'large objects'}"
            f" {task.range}, but {compressed.lines} lines arrived",
            next_step="run `orchestrator apply` again; if it happens again, report it",
        )
    return compressed
