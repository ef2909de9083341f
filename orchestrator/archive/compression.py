"""Rows to compressed bytes and back, block by block.

A chunk is one zstd frame with a checksum and without the size of its content, which is not known
when the frame begins. The same rows give the same bytes, however they were cut into blocks: that
is what makes an unchanged chunk cost no space.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256

from orchestrator.archive.zstd import (
    CompressionParameter,
    ZstdCompressor,
    ZstdDecompressor,
    ZstdError,
)
from orchestrator.errors import DamagedBackupError

BLOCK_BYTES = 1 << 20
"""No block that `decompress_blocks` yields is larger, whatever the frame claims or holds."""

_INPUT_BYTES = 1 << 18
_MAGIC = b"\x28\xb5\x2f\xfd"
_CHECKSUM_FLAG = 0b100


@dataclass(frozen=True, slots=True, kw_only=True)
class CompressedChunk:
    """A chunk ready to be stored.

    ``sha256`` is of ``data``; ``text_bytes`` and ``lines`` are of the rows that went in.
    """

    data: bytes
    sha256: str
    text_bytes: int
    lines: int


class ChunkCompressor:
    """Compresses the rows of one chunk as they arrive; holds compressed bytes only."""

    def __init__(self, level: int) -> None:
        """Begin a chunk at this zstd level."""
        self._frame = ZstdCompressor(
            options={
                CompressionParameter.compression_level: level,
                CompressionParameter.checksum_flag: 1,
            }
        )
        self._digest = sha256()
        self._pieces: list[bytes] = []
        self._text_bytes = 0
        self._lines = 0

    def feed(self, block: bytes) -> None:
        """Take the next block of COPY text, of any size and with any boundaries."""
        self._text_bytes += len(block)
        self._lines += block.count(b"\n")
        self._keep(self._frame.compress(block, mode=ZstdCompressor.CONTINUE))

    def finish(self) -> CompressedChunk:
        """End the chunk and return it; the compressor cannot be used again."""
        self._keep(self._frame.flush(mode=ZstdCompressor.FLUSH_FRAME))
        return CompressedChunk(
            data=b"".join(self._pieces),
            sha256=self._digest.hexdigest(),
            text_bytes=self._text_bytes,
            lines=self._lines,
        )

    def _keep(self, piece: bytes) -> None:
        if piece:
            self._digest.update(piece)
            self._pieces.append(piece)


def decompress_blocks(data: bytes) -> Iterator[bytes]:
    """Given the stored bytes of a chunk, yield its rows in blocks of at most `BLOCK_BYTES`.

    What was yielded is proved right only when the iterator has ended: the checksum comes last.

    Raises:
        DamagedBackupError: the frame is damaged, cut off, without a checksum, or not all there is.
    """
    if data[:4] != _MAGIC or not data[4:5] or not data[4] & _CHECKSUM_FLAG:
        raise _damaged("do not begin with a zstd frame that has a checksum")
    frame = ZstdDecompressor()
    consumed = 0
    while not frame.eof:
        piece = data[consumed : consumed + _INPUT_BYTES] if frame.needs_input else b""
        if frame.needs_input and not piece:
            raise _damaged("end in the middle of their frame")
        consumed += len(piece)
        block = _decompress(frame, piece)
        if block:
            yield block
    if frame.unused_data or consumed < len(data):
        raise _damaged("go on after the end of their frame")


def _decompress(frame: ZstdDecompressor, piece: bytes) -> bytes:
    try:
        return frame.decompress(piece, max_length=BLOCK_BYTES)
    except ZstdError as error:
        raise _damaged(f"cannot be decompressed: {error}") from error


def _damaged(what: str) -> DamagedBackupError:
    return DamagedBackupError(
        f"compressed rows {what}",
        next_step="run `orchestrator verify --level content`, and restore another backup",
    )
