"""Walking a tree of directories from its root, without ever following a symbolic link."""

import errno
import os
import stat as file_kind
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from orchestrator.errors import DestinationError
from orchestrator.model.names import ObjectKey
from orchestrator.ports.destination import ObjectInfo

TEMPORARY_PREFIX = ".tmp-"

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_OF_THE_FILE_SYSTEM = "lost+found"


def split_key(key: ObjectKey) -> Sequence[str]:
    """Return the segments of a key.

    Raises:
        DestinationError: it is no key: empty, absolute, with an empty segment, ``.``, ``..``, a
            NUL or the name of a temporary file.
    """
    segments = key.split("/")
    if "\0" in key or any(
        segment in {"", ".", ".."} or segment.startswith(TEMPORARY_PREFIX) for segment in segments
    ):
        raise DestinationError(
            f"{key!r} is not the key of an object",
            next_step="a damaged or hostile manifest may name it; verify the backup",
        )
    return segments


def open_directory(start: int, segments: Sequence[str]) -> int | None:
    """Open a directory below an open one, and return its descriptor; None if there is none.

    Raises:
        OSError: a segment is a symbolic link (ENOTDIR), or cannot be opened.
    """
    current = os.dup(start)
    for segment in segments:
        try:
            child = os.open(segment, _DIRECTORY, dir_fd=current)
        except FileNotFoundError:
            return None
        except NotADirectoryError:
            if _is_regular_file(current, segment):
                return None
            what = f"{segment} is not a directory (symbolic links are not followed)"
            raise NotADirectoryError(errno.ENOTDIR, what) from None
        finally:
            os.close(current)
        current = child
    return current


def _is_regular_file(directory: int, name: str) -> bool:
    found = os.stat(name, dir_fd=directory, follow_symlinks=False)
    return file_kind.S_ISREG(found.st_mode)


def list_objects(root: int, prefix: str) -> Iterator[ObjectInfo]:
    """Yield every regular file below an open root whose key begins with ``prefix``, by key.

    Temporary files, hidden directories and the file system's own ``lost+found`` are left out.
    """
    folder = prefix.rpartition("/")[0]
    segments = split_key(ObjectKey(folder)) if folder else ()
    start = open_directory(root, segments)
    if start is None:
        return
    try:
        yield from _walk(start, f"{folder}/" if folder else "", prefix)
    finally:
        os.close(start)


def _walk(directory: int, above: str, prefix: str) -> Iterator[ObjectInfo]:
    for name, is_directory in _entries(directory, at_root=not above):
        key = f"{above}{name}"
        if not key.startswith(prefix):
            continue
        if not is_directory:
            yield from _object_at(directory, name, ObjectKey(key))
            continue
        child = open_directory(directory, (name,))
        if child is None:
            continue
        try:
            yield from _walk(child, f"{key}/", prefix)
        finally:
            os.close(child)


def _entries(directory: int, *, at_root: bool) -> Sequence[tuple[str, bool]]:
    with os.scandir(directory) as found:
        entries = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in found]
    kept = [
        (name, is_directory)
        for name, is_directory in entries
        if not name.startswith(TEMPORARY_PREFIX)
        and not (is_directory and name.startswith("."))
        and not (at_root and name == _OF_THE_FILE_SYSTEM)
    ]
    # A directory counts with the slash that its keys have there: keys come out sorted as a whole.
    return sorted(kept, key=lambda entry: f"{entry[0]}/" if entry[1] else entry[0])


def _object_at(directory: int, name: str, key: ObjectKey) -> Iterator[ObjectInfo]:
    try:
        found = os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return
    if file_kind.S_ISREG(found.st_mode):
        yield ObjectInfo(
            key=key,
            size=found.st_size,
            modified_at=datetime.fromtimestamp(found.st_mtime, UTC),
        )
