"""Where objects lie."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from orchestrator.model.names import DestinationName, ObjectKey
from orchestrator.model.space import Space


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectInfo:
    """A stored object's key, size in bytes and, as far as the place knows, time of writing."""

    key: ObjectKey
    size: int
    modified_at: datetime


class DestinationReader(Protocol):
    """Reads objects. Every method raises `DestinationError` (or a subclass) with the cause."""

    @property
    def name(self) -> DestinationName:
        """The name in the policy files."""
        ...

    def read(self, key: ObjectKey) -> bytes:
        """Return the whole object.

        Raises:
            ObjectMissingError: it is not there.
        """
        ...

    def stat(self, key: ObjectKey) -> ObjectInfo | None:
        """Return size and time of an object, or None if it is not there."""
        ...

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """Yield every object whose key begins with ``prefix``, sorted by key.

        Leavings of interrupted writes (temporary names) are never listed. A prefix that nothing
        begins with yields nothing.
        """
        ...


class Destination(DestinationReader, Protocol):
    """Also writes objects.

    A key once written is final: an object is there completely or not at all, at every instant and
    after a power cut, and ``create`` returns only when it is durable.
    """

    def create(self, key: ObjectKey, data: bytes) -> None:
        """Store an object that must not be there yet; atomic and durable.

        Raises:
            ObjectExistsError: the key is taken; what is there is untouched.
            DestinationFullError: no space left; nothing remains under the key.
        """
        ...

    def replace(self, key: ObjectKey, data: bytes) -> None:
        """Store an object whether or not it is there; atomic and durable."""
        ...

    def move_aside(self, key: ObjectKey) -> ObjectKey:
        """Rename an object that is there but wrong, and return its new key.

        The new key is the old one followed by ``.wrong-`` and a number that is free.
        """
        ...

    def remove(self, key: ObjectKey) -> None:
        """Remove an object; one that is not there is no error."""
        ...

    def space(self) -> Space | None:
        """Return the room that we have there, or None where the place cannot tell.

        What is kept back for others (the administrator, another user's share) is not ours. Where
        no further object can be made although bytes are left (no inode is), nothing is free.
        """
        ...


class DestinationOpener(Protocol):
    """Opens destinations by name.

    A place that was used is never made again: if it is not there, its disk is not mounted, and an
    empty place of its name would hide that.
    """

    def open(self, name: DestinationName) -> Destination:
        """Return the destination, ready to be used; nothing is made.

        Raises:
            DestinationUnreachableError: the place is not there (a directory, a mount, a server).
        """
        ...

    def is_there(self, name: DestinationName) -> bool:
        """Return whether the place is there; False if its first use has only to make it.

        Raises:
            DestinationUnreachableError: it is not there, and cannot be made.
        """
        ...

    def make(self, name: DestinationName) -> None:
        """Make the place if it is not there: only for the first use of it.

        Raises:
            DestinationUnreachableError: it cannot be made where it should be.
        """
        ...

    def unmake(self, name: DestinationName) -> None:
        """Take back what `make` did, if nothing lies there; failing to is no error."""
        ...
