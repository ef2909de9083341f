"""Loading every chunk of a backup into a database that is being built, in parallel.

Nothing reaches the database before the digest of its whole object was checked. The count that the
server reports for each chunk must be the one that was taken at backup time.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from orchestrator.archive.verification import chunk_rows
from orchestrator.errors import DamagedBackupError, RestoreDiffersError
from orchestrator.execution.restore.fetch_objects import BackupObjects
from orchestrator.model.contents import Chunk, Details, Table
from orchestrator.model.manifest import Manifest, StoredObject
from orchestrator.model.names import ObjectKey
from orchestrator.ports.engine import ChunkLoader


@dataclass(frozen=True, slots=True)
class LoadTask:
    """One chunk to load: of a table, or of the large objects (``table`` None)."""

    table: Table | None
    chunk: Chunk


class ChunkSource:
    """The rows of chunks, out of objects whose digests were checked."""

    def __init__(self, objects: BackupObjects, manifest: Manifest) -> None:
        self._objects = objects
        self._stored: dict[ObjectKey, StoredObject] = {
            stored.key: stored for stored in manifest.objects
        }

    def text_of(self, chunk: Chunk) -> Iterator[bytes]:
        """Return the COPY text of a chunk in blocks; its object is read and checked at once.

        Raises:
            DamagedBackupError: no copy has it intact, or the manifest does not name it.
        """
        stored = self._stored.get(chunk.key)
        if stored is None or stored.sha256 != chunk.sha256:
            raise DamagedBackupError(
                f"the details name {chunk.key}, which the manifest does not",
                next_step="restore another backup: `orchestrator list` shows how far each is verified",
            )
        return chunk_rows(chunk, self._objects.read(stored))


class LoadQueue:
    """What is still to be loaded, handed out so that tables keep the order of their rows.

    A worker stays with its table from its first chunk to its last, and then begins the largest that
    nobody has begun; only when all are begun does it help with the one that has most left. Rows that
    lie as they lay at the source keep their correlation with keys and times, which plans and BRIN
    indexes live on (docs/adr/0013). For several threads.
    """

    def __init__(self, tasks: Iterable[LoadTask]) -> None:
        """Given every chunk, those of a table in the order of their ranges."""
        lines: dict[Table | None, deque[LoadTask]] = {}
        for task in tasks:
            lines.setdefault(task.table, deque()).append(task)
        self._untouched = sorted(lines.values(), key=_text_bytes)
        self._begun: dict[Table | None, deque[LoadTask]] = {}
        self._lock = threading.Lock()

    def take(self, after: LoadTask | None) -> LoadTask | None:
        """Return the next chunk for whoever loaded ``after`` (None: nothing yet), None at the end."""
        with self._lock:
            line = self._begun.get(after.table) if after else None
            line = line or self._line_for_help()
            if line is None:
                return None
            task = line.popleft()
            if line:
                self._begun[task.table] = line
            else:
                self._begun.pop(task.table, None)
            return task

    def _line_for_help(self) -> deque[LoadTask] | None:
        if self._untouched:
            return self._untouched.pop()
        # Never more than there are workers.
        return max(self._begun.values(), key=_text_bytes, default=None)


def _text_bytes(line: Iterable[LoadTask]) -> int:
    return sum(task.chunk.text_bytes for task in line)


@dataclass(slots=True)
class _Loading:
    queue: LoadQueue
    source: ChunkSource
    advanced: Callable[[int], None]
    check: Callable[[], None]
    halted: threading.Event = field(default_factory=threading.Event)


def load_chunks(
    details: Details,
    source: ChunkSource,
    loaders: Sequence[ChunkLoader],
    *,
    advanced: Callable[[int], None],
    check: Callable[[], None],
) -> None:
    """Load everything, the largest tables first, one thread per loader; the first error wins.

    ``check`` is called before each chunk and may raise to stop the work; ``advanced`` is told the
    bytes of text of each chunk that is in.

    Raises:
        RestoreDiffersError: the server counted other rows than the backup has.
        DamagedBackupError: no copy has a chunk intact.
    """
    loading = _Loading(LoadQueue(load_tasks(details)), source, advanced, check)
    with ThreadPoolExecutor(len(loaders), thread_name_prefix="load-chunks") as pool:
        try:
            futures = [pool.submit(_work_off, loader, loading) for loader in loaders]
            for future in futures:
                future.result()
        finally:
            loading.halted.set()


def load_tasks(details: Details) -> Sequence[LoadTask]:
    """Return every chunk with its table, those of a table in the order of their ranges."""
    tasks = [LoadTask(data.table, chunk) for data in details.tables for chunk in data.chunks]
    return [*tasks, *(LoadTask(None, chunk) for chunk in details.large_object_chunks)]


def _work_off(loader: ChunkLoader, loading: _Loading) -> None:
    task: LoadTask | None = None
    try:
        while not loading.halted.is_set():
            loading.check()
            task = loading.queue.take(task)
            if task is None:
                return
            _load_one(task, loader, loading)
    except BaseException:
        loading.halted.set()
        raise


def _load_one(task: LoadTask, loader: ChunkLoader, loading: _Loading) -> None:
    text = loading.source.text_of(task.chunk)
    if task.table is None:
        loaded, what = loader.load_large_objects(text), "large objects"
    else:
        loaded, what = loader.load_table(task.table, text), str(task.table.name)
    if loaded != task.chunk.rows:
        raise RestoreDiffersError(
            f"{what}: the server took {loaded} rows of a chunk that has {task.chunk.rows}",
            next_step="run the restore again; if it happens again, restore another backup",
        )
    loading.advanced(task.chunk.text_bytes)
