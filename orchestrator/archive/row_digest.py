"""A digest of a table's rows that does not depend on their order.

Two readings of equal rows differ in order: a restored table has another heap. Each line is
hashed with BLAKE2b and the hashes are added modulo 2^512. An exclusive or would be cheaper, but
two equal rows would cancel out there; a sum counts them.
"""

from hashlib import blake2b
from operator import methodcaller

from orchestrator.errors import IncompleteStreamError

_DIGEST_BYTES = blake2b().digest_size
_MODULUS = 1 << (8 * _DIGEST_BYTES)
_finished = methodcaller("digest")


class RowDigest:
    """Takes COPY text in blocks of any boundaries and rows in any order."""

    def __init__(self) -> None:
        self._sum = 0
        self._rows = 0
        # Hashed as it arrives: one row may be larger than the memory that there is.
        self._unfinished = blake2b()
        self._is_unfinished = False

    @property
    def rows(self) -> int:
        """How many whole rows were taken so far."""
        return self._rows

    def feed(self, block: bytes) -> None:
        """Take the next block of COPY text."""
        head, newline, rest = block.partition(b"\n")
        self._unfinished.update(head)
        self._is_unfinished |= bool(head)
        if not newline:
            return
        first = int.from_bytes(self._unfinished.digest())
        lines = rest.split(b"\n")
        tail = lines.pop()
        self._unfinished, self._is_unfinished = blake2b(tail), bool(tail)
        self._rows += 1 + len(lines)
        hashes = map(_finished, map(blake2b, lines))
        self._sum = (self._sum + first + sum(map(int.from_bytes, hashes))) % _MODULUS

    def finish(self) -> str:
        """Return the digest: the number of rows, a colon, and 128 hexadecimal digits.

        Raises:
            IncompleteStreamError: the last row has no end.
        """
        if self._is_unfinished:
            raise IncompleteStreamError(
                "the rows of a table end in the middle of a line",
                next_step="run the command again; if it happens again, report it",
            )
        return f"{self._rows}:{self._sum:0{2 * _DIGEST_BYTES}x}"
