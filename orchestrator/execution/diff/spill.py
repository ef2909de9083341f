"""Pairs of digests on disk, so that comparing takes the same memory whatever the size.

Rows of both states that may be the same row fall into the same bucket; buckets are compared one
after the other. The file has no name: whoever is killed leaves nothing behind.
"""

from collections import Counter
from collections.abc import Iterator
from hashlib import blake2b
from tempfile import TemporaryFile
from types import TracebackType
from typing import Self

DIGEST_BYTES = 16
PAIR_BYTES = 2 * DIGEST_BYTES
_BUFFER_BYTES = 256 * PAIR_BYTES


def digest(text: bytes) -> bytes:
    """Return the digest by which a key or a row is known, of 16 bytes."""
    return blake2b(text, digest_size=DIGEST_BYTES).digest()


class SpilledPairs:
    """Digests of key and row of many rows, to be read back bucket by bucket.

    Memory is one buffer of 8 KiB for each bucket, and a number for each buffer written.
    """

    def __init__(self, buckets: int) -> None:
        """``buckets`` is at least 1."""
        self.count = 0
        self._buffers = [bytearray() for _ in range(buckets)]
        self._places: list[list[int]] = [[] for _ in range(buckets)]
        self._file = TemporaryFile(prefix="orchestrator-diff-")  # noqa: SIM115 - closed by __exit__
        self._end = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    def add(self, key: bytes, row: bytes) -> None:
        """Add a row, given the digests of its key and of all its compared fields."""
        self.count += 1
        bucket = int.from_bytes(key[:4]) % len(self._buffers)
        buffer = self._buffers[bucket]
        buffer += key + row
        if len(buffer) >= _BUFFER_BYTES:
            self._file.seek(self._end)
            self._file.write(buffer)
            self._places[bucket].append(self._end)
            self._end += len(buffer)
            buffer.clear()

    def pairs_of(self, bucket: int) -> Counter[bytes]:
        """Return the pairs of a bucket, each with how often it was added."""
        found: Counter[bytes] = Counter()
        for place in self._places[bucket]:
            self._file.seek(place)
            found.update(_cut(self._file.read(_BUFFER_BYTES)))
        found.update(_cut(bytes(self._buffers[bucket])))
        return found

    @property
    def buckets(self) -> range:
        """The numbers of the buckets."""
        return range(len(self._buffers))


def _cut(block: bytes) -> Iterator[bytes]:
    return (block[at : at + PAIR_BYTES] for at in range(0, len(block), PAIR_BYTES))
