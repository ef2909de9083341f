"""Pairs of digests on disk, so that comparing takes the same memory whatever the size.

Rows of both states that may be the same row fall into the same bucket; buckets are compared one
after the other. The file has no name: whoever is killed leaves nothing behind.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import blake2b
from tempfile import TemporaryFile
from types import TracebackType
from typing import Self

from orchestrator.errors import LocalFileError

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
        """Given how many buckets there are, at least 1, make the file.

        Raises:
            LocalFileError: there is no place for it.
        """
        self.count = 0
        self._buffers = [bytearray() for _ in range(buckets)]
        self._places: list[list[int]] = [[] for _ in range(buckets)]
        with _translated_errors():
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
        # What could not be written is not needed any more.
        with suppress(OSError):
            self._file.close()

    def add(self, key: bytes, row: bytes) -> None:
        """Add a row, given the digests of its key and of all its compared fields.

        Raises:
            LocalFileError: the disk is full.
        """
        self.count += 1
        bucket = int.from_bytes(key[:4]) % len(self._buffers)
        buffer = self._buffers[bucket]
        buffer += key + row
        if len(buffer) >= _BUFFER_BYTES:
            with _translated_errors():
                self._file.seek(self._end)
                self._file.write(buffer)
            self._places[bucket].append(self._end)
            self._end += len(buffer)
            buffer.clear()

    def pairs_of(self, bucket: int) -> Counter[bytes]:
        """Return the pairs of a bucket, each with how often it was added.

        Raises:
            LocalFileError: the disk is full, or cannot be read.
        """
        found: Counter[bytes] = Counter()
        for place in self._places[bucket]:
            with _translated_errors():
                self._file.seek(place)
                block = self._file.read(_BUFFER_BYTES)
            found.update(_cut(block))
        found.update(_cut(bytes(self._buffers[bucket])))
        return found

    @property
    def buckets(self) -> range:
        """The numbers of the buckets."""
        return range(len(self._buffers))


@contextmanager
def _translated_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise LocalFileError(
            f"the temporary file for comparing rows cannot be used: {error.strerror}",
            next_step="make room for temporary files, or let TMPDIR name a directory with more of it",
        ) from error


def _cut(block: bytes) -> Iterator[bytes]:
    return (block[at : at + PAIR_BYTES] for at in range(0, len(block), PAIR_BYTES))
