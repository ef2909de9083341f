"""Where tables and large objects are cut into chunks (design §6).

Boundaries are multiples of a power of two that a table keeps for all later backups of its series,
so that blocks which did not change make the same chunk again and cost no space.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.model.contents import BlockRange, LargeObjectRange

TARGET_CHUNK_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class RelationSize:
    """A table's size on disk: heap blocks, and bytes of heap and TOAST together."""

    blocks: int
    bytes: int


def blocks_for_chunk(size: RelationSize, block_bytes: int) -> int:
    """Return the power of two of blocks that carries about 16 MiB of heap and TOAST, at least 1."""
    per_block = max(block_bytes, size.bytes // size.blocks if size.blocks else block_bytes)
    return 1 << max(0, (TARGET_CHUNK_BYTES // per_block).bit_length() - 1)


def cut_into_ranges(blocks: int, blocks_per_chunk: int) -> tuple[BlockRange, ...]:
    """Return contiguous ranges from block 0, the last one open upwards.

    ``blocks`` was read after the snapshot, so it is an upper bound of what the snapshot sees; the
    open end makes the cut right even if it were not. Bounds taken before the snapshot lost 1,992
    of 3,000 rows (reference/postgres.md §1, rule 7).
    """
    starts = range(0, max(blocks, 1), blocks_per_chunk)
    ends = [*starts[1:], None]
    return tuple(BlockRange(start, end) for start, end in zip(starts, ends, strict=True))


def cut_large_objects(sizes: Sequence[tuple[int, int]]) -> tuple[LargeObjectRange, ...]:
    """Given (oid, bytes) in ascending order, return ranges of oids of about 16 MiB each.

    Contiguous from 0, the last open upwards; objects that are all empty still make one range, which
    proves that there was nothing to read.
    """
    starts, filled = [0], 0
    for oid, size in sizes:
        if filled and filled + size > TARGET_CHUNK_BYTES:
            starts.append(oid)
            filled = 0
        filled += size
    ends = [*starts[1:], None]
    return tuple(LargeObjectRange(start, end) for start, end in zip(starts, ends, strict=True))
