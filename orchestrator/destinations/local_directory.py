"""A destination that is a directory of this machine, or a share mounted on it.

Discipline against power cuts (F18): temporary name, write, fsync of the file, hard link to the
final name (which fails if it is taken), fsync of the directory. Only then is an object said to be
stored. Every directory of a key is opened from its parent without following symbolic links, so
nothing outside the root is ever read or written (S21).
"""

import errno
import os
import secrets
import stat as file_kind
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from orchestrator.archive.layout import folders_of_one_backup
from orchestrator.destinations.directory_root import (
    absent_directory,
    is_directory_there,
    no_directory,
    place_of,
)
from orchestrator.destinations.directory_tree import (
    TEMPORARY_PREFIX,
    list_objects,
    open_directory,
    split_key,
)
from orchestrator.destinations.file_errors import (
    destination_error,
    link_error,
    translated_errors,
)
from orchestrator.destinations.room import bytes_free, has_no_inode, space_of
from orchestrator.errors import (
    DestinationFullError,
    ObjectExistsError,
    ObjectMissingError,
)
from orchestrator.model.names import DestinationName, ObjectKey
from orchestrator.model.space import Space
from orchestrator.ports.destination import ObjectInfo

_FILE_MODE = 0o600
_DIRECTORY_MODE = 0o700
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
# Without O_NONBLOCK, opening a named pipe that somebody put there would wait for ever.
_EXISTING_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_LEAVINGS_ARE_OLD_AFTER = timedelta(days=1)

_Publish = Callable[[int, str, str], None]


class LocalDirectory:
    """Keeps objects as files below ``root``; usable by several threads and processes at once.

    Files are readable by their owner alone. What killed writers left (hidden temporary files) is
    never listed, and removed when this process first writes to that directory and it is older than
    a day by the file system's own clock.
    """

    def __init__(self, name: DestinationName, root: Path) -> None:
        """Given a directory, use it; `open_local_directory` also creates it."""
        self._name = name
        self._root = root
        self._settled_directories: set[str] = set()
        self._swept_directories: set[str] = set()

    @property
    def name(self) -> DestinationName:
        """The name in the policy files."""
        return self._name

    def read(self, key: ObjectKey) -> bytes:
        """Return the whole object."""
        with self._about(key), self._parent_of(key) as parent:
            if parent is None:
                raise self._missing(key)
            try:
                descriptor = os.open(split_key(key)[-1], _EXISTING_FILE, dir_fd=parent)
            except FileNotFoundError as error:
                raise self._missing(key) from error
            try:
                if not file_kind.S_ISREG(os.fstat(descriptor).st_mode):
                    raise self._missing(key)
                with os.fdopen(descriptor, "rb", closefd=False) as file:
                    return file.read()
            finally:
                os.close(descriptor)

    def stat(self, key: ObjectKey) -> ObjectInfo | None:
        """Return size and time of an object, or None if it is not there."""
        with self._about(key), self._parent_of(key) as parent:
            if parent is None:
                return None
            try:
                found = os.stat(split_key(key)[-1], dir_fd=parent, follow_symlinks=False)
            except FileNotFoundError:
                return None
            if not file_kind.S_ISREG(found.st_mode):
                return None
            modified_at = datetime.fromtimestamp(found.st_mtime, UTC)
            return ObjectInfo(key=key, size=found.st_size, modified_at=modified_at)

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """Yield every object whose key begins with ``prefix``, sorted by key."""
        with self._about(prefix or "all objects"), self._open_root() as root:
            yield from list_objects(root, prefix)

    def create(self, key: ObjectKey, data: bytes) -> None:
        """Store an object that must not be there yet; atomic and durable."""
        self._write(key, data, publish=self._link)

    def replace(self, key: ObjectKey, data: bytes) -> None:
        """Store an object whether or not it is there; atomic and durable."""
        self._write(key, data, publish=_rename)

    def move_aside(self, key: ObjectKey) -> ObjectKey:
        """Rename an object that is there but wrong, and return its new key."""
        with self._about(key), self._parent_of(key) as parent:
            if parent is None:
                raise self._missing(key)
            name = split_key(key)[-1]
            number = 1
            try:
                while not self._link_aside(parent, name, f"{name}.wrong-{number}"):
                    number += 1
            except FileNotFoundError as error:
                raise self._missing(key) from error
            with suppress(FileNotFoundError):
                os.unlink(name, dir_fd=parent)
            os.fsync(parent)
            return ObjectKey(f"{key}.wrong-{number}")

    def remove(self, key: ObjectKey) -> None:
        """Remove an object, and the directories of its backup that become empty.

        One that is not there is no error.
        """
        with self._about(key), self._parent_of(key) as parent:
            if parent is None:
                return
            with suppress(FileNotFoundError):
                os.unlink(split_key(key)[-1], dir_fd=parent)
                os.fsync(parent)
            self._remove_empty(folders_of_one_backup(key))

    def space(self) -> Space | None:
        """Return the room of the file system for this user, a quota on the directory included."""
        with self._about("its space"), self._open_root() as root:
            return space_of(os.fstatvfs(root))

    def _write(self, key: ObjectKey, data: bytes, *, publish: _Publish) -> None:
        with self._about(key, needed=len(data)), self._made_parent_of(key) as parent:
            temporary = f"{TEMPORARY_PREFIX}{secrets.token_hex(16)}"
            try:
                written_at = _write_file(parent, temporary, data)
                publish(parent, temporary, split_key(key)[-1])
            except FileExistsError as error:
                raise ObjectExistsError(
                    f"{key} is at destination {self._name!r} already",
                    next_step="nothing was overwritten; see what lies there",
                ) from error
            finally:
                with suppress(FileNotFoundError):
                    os.unlink(temporary, dir_fd=parent)
            os.fsync(parent)
            self._sweep(parent, directory=key.rpartition("/")[0], now=written_at)

    def _link(self, parent: int, temporary: str, final: str) -> None:
        try:
            os.link(temporary, final, src_dir_fd=parent, dst_dir_fd=parent, follow_symlinks=False)
        except (FileExistsError, FileNotFoundError):
            raise
        except OSError as error:
            raise link_error(error, self._place(final)) from error

    def _link_aside(self, parent: int, name: str, aside: str) -> bool:
        try:
            self._link(parent, name, aside)
        except FileExistsError:
            return False
        return True

    def _remove_empty(self, folders: Sequence[str]) -> None:
        """Remove directories, innermost first; one that holds anything stays, and all above it."""
        # Tidying up never makes a removed object a failure.
        with suppress(OSError):
            for folder in folders:
                with self._parent_of(ObjectKey(folder)) as parent:
                    if parent is None:
                        return
                    os.rmdir(split_key(ObjectKey(folder))[-1], dir_fd=parent)
                    os.fsync(parent)

    def _sweep(self, parent: int, *, directory: str, now: float) -> None:
        """Remove what killed writers left in a directory, once in the life of this process.

        ``now`` is the file system's own time, in seconds: the clock of a file server may differ.
        """
        if directory in self._swept_directories:
            return
        self._swept_directories.add(directory)
        oldest = now - _LEAVINGS_ARE_OLD_AFTER.total_seconds()
        # Tidying up never makes a stored object a failure.
        with suppress(OSError):
            for name in os.listdir(parent):
                if name.startswith(TEMPORARY_PREFIX):
                    found = os.stat(name, dir_fd=parent, follow_symlinks=False)
                    if found.st_mtime < oldest:
                        os.unlink(name, dir_fd=parent)

    @contextmanager
    def _open_root(self) -> Iterator[int]:
        try:
            root = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise absent_directory(self._name, self._root) from error
        try:
            yield root
        finally:
            os.close(root)

    @contextmanager
    def _parent_of(self, key: ObjectKey) -> Iterator[int | None]:
        """Open the directory that holds a key; None if there is none."""
        segments = split_key(key)[:-1]
        with self._open_root() as root:
            descriptor = open_directory(root, segments)
            try:
                yield descriptor
            finally:
                if descriptor is not None:
                    os.close(descriptor)

    @contextmanager
    def _made_parent_of(self, key: ObjectKey) -> Iterator[int]:
        """Open the directory that holds a key, made durable with all above it."""
        with self._open_root() as root:
            current = os.dup(root)
            try:
                above = ""
                for segment in split_key(key)[:-1]:
                    above = f"{above}{segment}/"
                    current = self._step_into(current, segment, above)
                yield current
            finally:
                os.close(current)

    def _step_into(self, parent: int, segment: str, above: str) -> int:
        """Open a directory, made if it is missing, and close its parent."""
        made = True
        try:
            os.mkdir(segment, _DIRECTORY_MODE, dir_fd=parent)
        except FileExistsError:
            made = False
        # One that another writer has just made may not be durable yet: each process sees to it
        # itself, once.
        if made or above not in self._settled_directories:
            os.fsync(parent)
            self._settled_directories.add(above)
        child = open_directory(parent, (segment,))
        if child is None:
            what = f"{above} is no directory, or was removed while it was in use"
            raise NotADirectoryError(errno.ENOTDIR, what)
        os.close(parent)
        return child

    @contextmanager
    def _about(self, subject: str, *, needed: int | None = None) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            translated = destination_error(error, self._place(subject))
            if needed is not None and isinstance(translated, DestinationFullError):
                translated = self._full(translated, needed)
            raise translated from error

    def _place(self, subject: str) -> str:
        return f"{place_of(self._name, self._root)}, {subject}"

    def _full(self, error: DestinationFullError, needed: int) -> DestinationFullError:
        try:
            found = os.statvfs(self._root)
        except OSError:
            return error
        left = "no inode is" if has_no_inode(found) else f"{bytes_free(found)} bytes are"
        return DestinationFullError(
            f"{error.what}: {needed} bytes are needed, {left} free", next_step=error.next_step
        )

    def _missing(self, key: ObjectKey) -> ObjectMissingError:
        return ObjectMissingError(
            f"{key} is not at destination {self._name!r} ({self._root})",
            next_step="use another backup, or another copy of this one",
        )


def open_local_directory(name: DestinationName, root: Path) -> LocalDirectory:
    """Return the destination, its root created if only the last directory of it is missing.

    Raises:
        DestinationUnreachableError: what should hold the root is not there.
        DestinationPermissionError: the root is missing and may not be created.
    """
    if not is_directory_there(name, root):
        with translated_errors(place_of(name, root)):
            try:
                root.mkdir(mode=_DIRECTORY_MODE, exist_ok=True)
            except FileExistsError as error:
                raise no_directory(root) from error
            _sync_directory(root.parent)
    return LocalDirectory(name, root)


def find_local_directory(name: DestinationName, root: Path) -> LocalDirectory:
    """Return the destination, and make nothing.

    Raises:
        DestinationUnreachableError: the root is not there.
        DestinationPermissionError: this user may not look there.
    """
    if not is_directory_there(name, root):
        raise absent_directory(name, root)
    return LocalDirectory(name, root)


def _write_file(parent: int, name: str, data: bytes) -> float:
    """Write a new file durably, and return its time in seconds by the file system's clock."""
    descriptor = os.open(name, _NEW_FILE, _FILE_MODE, dir_fd=parent)
    try:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        os.fsync(descriptor)
        return os.fstat(descriptor).st_mtime
    finally:
        os.close(descriptor)


def _rename(parent: int, temporary: str, final: str) -> None:
    os.replace(temporary, final, src_dir_fd=parent, dst_dir_fd=parent)


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
