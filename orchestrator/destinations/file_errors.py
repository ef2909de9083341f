"""What errors of a file system mean to us."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from orchestrator.errors import (
    DestinationError,
    DestinationFullError,
    DestinationPermissionError,
    DestinationUnreachableError,
)

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_PERMISSION = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
_UNREACHABLE = frozenset(
    {errno.ESTALE, errno.ENOTCONN, errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.ETIMEDOUT}
    | {errno.ENODEV, errno.ENXIO}
)
_NO_HARD_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS})


@contextmanager
def translated_errors(place: str) -> Iterator[None]:
    """Turn every `OSError` of the block into a `DestinationError` about ``place``."""
    try:
        yield
    except OSError as error:
        raise destination_error(error, place) from error


def destination_error(error: OSError, place: str) -> DestinationError:
    """Given an error of the operating system and what it is about, return ours."""
    what = f"{place}: {error.strerror or error}"
    if error.errno in _FULL:
        return DestinationFullError(
            f"{place} is full: {error.strerror}",
            next_step="free space (or inodes, or quota) there, or use a larger place",
        )
    if error.errno in _PERMISSION:
        return DestinationPermissionError(
            what, next_step="give the user that runs this program the right to read and write there"
        )
    if error.errno in _UNREACHABLE:
        return DestinationUnreachableError(
            what, next_step="see whether the disk or network share is mounted and answers"
        )
    return DestinationError(what, next_step="see the system's log about this disk or share")


def link_error(error: OSError, place: str) -> DestinationError:
    """Given why a hard link could not be made, return our error."""
    if error.errno in _NO_HARD_LINKS:
        return DestinationError(
            f"{place}: this file system cannot make hard links ({error.strerror}), without which"
            " no object can be created safely",
            next_step="use a file system such as ext4, XFS, Btrfs, ZFS or NFS for this destination",
        )
    return destination_error(error, place)
