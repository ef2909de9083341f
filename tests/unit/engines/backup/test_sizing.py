from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.engines.postgres.backup.tables.sizing import (
    TARGET_CHUNK_BYTES,
    RelationSize,
    blocks_for_chunk,
    cut_into_ranges,
    cut_large_objects,
)
from orchestrator.model.contents import BlockRange

BLOCK = 8192


def test_a_plain_table_is_cut_at_16_mib_of_heap() -> None:
    size = RelationSize(blocks=10_000, bytes=10_000 * BLOCK)
    assert blocks_for_chunk(size, BLOCK) == 2048


def test_toast_makes_chunks_smaller() -> None:
    size = RelationSize(blocks=1000, bytes=1000 * BLOCK * 8)
    assert blocks_for_chunk(size, BLOCK) == 256


def test_an_empty_table_is_one_open_range() -> None:
    assert cut_into_ranges(0, 2048) == (BlockRange(0, None),)


def test_a_table_of_exactly_one_chunk_is_one_open_range() -> None:
    assert cut_into_ranges(2048, 2048) == (BlockRange(0, None),)


@given(blocks=st.integers(0, 10**7), heap_bytes=st.integers(0, 2**45))
def test_chunk_sizes_are_powers_of_two(blocks: int, heap_bytes: int) -> None:
    chosen = blocks_for_chunk(RelationSize(blocks=blocks, bytes=heap_bytes), BLOCK)
    assert chosen >= 1
    assert chosen & (chosen - 1) == 0
    assert chosen * BLOCK <= TARGET_CHUNK_BYTES


@given(blocks=st.integers(0, 10**5), exponent=st.integers(0, 11))
def test_ranges_are_aligned_contiguous_from_zero_and_open_upwards(
    blocks: int, exponent: int
) -> None:
    ranges = cut_into_ranges(blocks, 2**exponent)
    assert ranges[0].first == 0
    assert ranges[-1].end is None
    assert all(one.end == two.first for one, two in pairwise(ranges))
    assert all(part.first % 2**exponent == 0 for part in ranges)


@given(blocks=st.integers(0, 10**4), grown=st.integers(0, 10**4), exponent=st.integers(0, 8))
def test_growth_changes_only_the_open_range(blocks: int, grown: int, exponent: int) -> None:
    before = cut_into_ranges(blocks, 2**exponent)
    after = cut_into_ranges(blocks + grown, 2**exponent)
    assert after[: len(before) - 1] == before[:-1]


@given(st.lists(st.integers(1, TARGET_CHUNK_BYTES * 2), max_size=50))
def test_large_object_ranges_cover_every_oid_once(sizes: list[int]) -> None:
    objects = [(1000 + 7 * index, size) for index, size in enumerate(sizes)]
    ranges = cut_large_objects(objects)
    for oid, _ in objects:
        assert (
            sum(part.first <= oid and (part.end is None or oid < part.end) for part in ranges) == 1
        )
    assert ranges
