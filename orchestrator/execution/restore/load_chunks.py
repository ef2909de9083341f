"""Loading every chunk of a backup into a database that is being built, in parallel.

Nothing reaches the database before the digest of its whole object was checked. The count that the
server reports for each chunk must be the one that was taken at backup time.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
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


@dataclass(slots=True)
class _Loading:
    tasks: deque[LoadTask]
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
    """Load everything, the largest chunks first, one thread per loader; the first error wins.

    ``check`` is called before each chunk and may raise to stop the work; ``advanced`` is told the
    bytes of text of each chunk that is in.

    Raises:
        RestoreDiffersError: the server counted other rows than the backup has.
        DamagedBackupError: no copy has a chunk intact.
    """
    loading = _Loading(deque(load_tasks(details)), source, advanced, check)
    with ThreadPoolExecutor(len(loaders), thread_name_prefix="load-chunks") as pool:
        futures = [pool.submit(_work_off, loader, loading) for loader in loaders]
        try:
            for future in futures:
                future.result()
        finally:
            loading.halted.set()


def load_tasks(details: Details) -> Sequence[LoadTask]:
    """Return every chunk with its table, the largest first."""
    tasks = [LoadTask(data.table, chunk) for data in details.tables for chunk in data.chunks]
    tasks += [LoadTask(None, chunk) for chunk in details.large_object_chunks]
    return sorted(tasks, key=lambda task: task.chunk.text_bytes, reverse=True)


def _work_off(loader: ChunkLoader, loading: _Loading) -> None:
    try:
        while loading.tasks and not loading.halted.is_set():
            loading.check()
            try:
                task = loading.tasks.popleft()
            except IndexError:
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
