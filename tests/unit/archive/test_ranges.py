import pytest

from orchestrator.archive.ranges import check_ranges
from orchestrator.model.contents import BlockRange
from tests.support.archives import a_chunk


@pytest.mark.parametrize(
    ("ranges", "trouble"),
    [
        ([(0, None)], None),
        ([(0, 8), (8, 16), (16, None)], None),
        ([], "nothing covers 0 and above"),
        ([(0, 8)], "nothing covers 8 and above"),
        ([(1, None)], "a range begins at 1 instead of 0"),
        ([(0, 8), (9, None)], "a range begins at 9 instead of 8"),
        ([(0, 8), (7, None)], "a range begins at 7 instead of 8"),
        ([(0, 0), (0, None)], "the range from 0 ends at 0"),
        ([(0, 8), (8, 4), (4, None)], "the range from 8 ends at 4"),
        ([(0, None), (8, None)], "the range from 8 follows one that is open upwards"),
    ],
)
def test_ranges_leave_no_gap(ranges: list[tuple[int, int | None]], trouble: str | None):
    chunks = [a_chunk(blocks=BlockRange(first, end)) for first, end in ranges]
    assert check_ranges(chunks) == trouble
