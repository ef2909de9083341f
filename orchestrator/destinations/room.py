"""What a file system says of its room, as it concerns us.

The kernel answers for the directory that is asked about: a project quota (XFS, ext4) on it makes
the answer smaller. A quota of the user shows nowhere here; a write that it refuses does.
"""

import os

from orchestrator.model.space import Space


def space_of(found: os.statvfs_result) -> Space:
    """Return the room in bytes: blocks reserved for root are neither free nor part of the whole."""
    free = bytes_free(found)
    reserved = (found.f_bfree - found.f_bavail) * found.f_frsize
    whole = max(found.f_blocks * found.f_frsize - reserved, free)
    return Space(free=0 if has_no_inode(found) else free, whole=whole)


def bytes_free(found: os.statvfs_result) -> int:
    """Return the bytes that this user may still write."""
    return found.f_bavail * found.f_frsize


def has_no_inode(found: os.statvfs_result) -> bool:
    """Tell whether no further file can be made; some file systems count none at all."""
    return found.f_files > 0 and found.f_favail == 0
