"""A destination in memory: the twin of the real ones, for tests and trials."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from threading import Lock

from orchestrator.errors import DestinationFullError, ObjectExistsError, ObjectMissingError
from orchestrator.model.names import DestinationName, ObjectKey
from orchestrator.model.space import Space
from orchestrator.ports.destination import ObjectInfo

_UNKNOWN_TIME = datetime(1970, 1, 1, tzinfo=UTC)


class MemoryDestination:
    """Keeps objects in a dictionary; gone with the process.

    With ``capacity`` in bytes it can be full. Without a ``clock`` every object has the same time,
    as at a place that does not know any.
    """

    def __init__(
        self,
        name: DestinationName,
        *,
        capacity: int | None = None,
        clock: Callable[[], datetime] | None = None,
    ) -> None:
        self._name = name
        self._capacity = capacity
        self._clock = clock
        self._objects: dict[ObjectKey, bytes] = {}
        self._times: dict[ObjectKey, datetime] = {}
        self._lock = Lock()

    @property
    def name(self) -> DestinationName:
        """The name in the policy files."""
        return self._name

    def read(self, key: ObjectKey) -> bytes:
        """Return the whole object."""
        with self._lock:
            return self._present(key)

    def stat(self, key: ObjectKey) -> ObjectInfo | None:
        """Return size and time of an object, or None if it is not there."""
        data = self._objects.get(key)
        return None if data is None else self._info(key, data)

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """Yield every object whose key begins with ``prefix``, sorted by key."""
        with self._lock:
            found = sorted(item for item in self._objects.items() if item[0].startswith(prefix))
        return (self._info(key, data) for key, data in found)

    def create(self, key: ObjectKey, data: bytes) -> None:
        """Store an object that must not be there yet."""
        with self._lock:
            if key in self._objects:
                raise ObjectExistsError(
                    f"{key} is at destination {self._name!r} already",
                    next_step="nothing was overwritten; see what lies there",
                )
            self._store(key, data)

    def replace(self, key: ObjectKey, data: bytes) -> None:
        """Store an object whether or not it is there."""
        with self._lock:
            self._store(key, data)

    def move_aside(self, key: ObjectKey) -> ObjectKey:
        """Rename an object that is there but wrong, and return its new key."""
        with self._lock:
            self._present(key)
            number = 1
            while (aside := ObjectKey(f"{key}.wrong-{number}")) in self._objects:
                number += 1
            self._objects[aside] = self._objects.pop(key)
            self._times[aside] = self._times.pop(key, _UNKNOWN_TIME)
            return aside

    def remove(self, key: ObjectKey) -> None:
        """Remove an object; one that is not there is no error."""
        with self._lock:
            self._objects.pop(key, None)
            self._times.pop(key, None)

    def space(self) -> Space | None:
        """Return the room there is, or None without a capacity."""
        with self._lock:
            free = self._free()
            if free is None or self._capacity is None:
                return None
            return Space(free=free, whole=self._capacity)

    def _present(self, key: ObjectKey) -> bytes:
        if key not in self._objects:
            raise ObjectMissingError(
                f"{key} is not at destination {self._name!r}",
                next_step="use another backup, or another copy of this one",
            )
        return self._objects[key]

    def _free(self) -> int | None:
        if self._capacity is None:
            return None
        return max(0, self._capacity - sum(map(len, self._objects.values())))

    def _store(self, key: ObjectKey, data: bytes) -> None:
        free = self._free()
        # As on a disk, the new bytes need their space before the old ones give theirs back.
        if free is not None and len(data) > free:
            raise DestinationFullError(
                f"destination {self._name!r} is full: {key} needs {len(data)} bytes, {free} are free",
                next_step="free space there, or use a larger place",
            )
        self._objects[key] = bytes(data)
        if self._clock is not None:
            self._times[key] = self._clock()

    def _info(self, key: ObjectKey, data: bytes) -> ObjectInfo:
        modified_at = self._times.get(key, _UNKNOWN_TIME)
        return ObjectInfo(key=key, size=len(data), modified_at=modified_at)
