"""What a comparison counts, against the plainest way to count it, in memory."""

from collections import Counter
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.execution.diff.copy_text import LineSplitter
from orchestrator.execution.diff.count_changes import count_changes
from orchestrator.execution.diff.read_rows import Projection, RowReading, spill_rows
from orchestrator.execution.diff.spill import SpilledPairs, digest
from orchestrator.execution.diff.states import Piece, State
from orchestrator.model.contents import BlockRange
from orchestrator.planning.comparison.schema import Change
from orchestrator.ports.progress import SilentStep

KEYED = st.dictionaries(st.integers(0, 40), st.sampled_from("abc"), max_size=40)
READING = RowReading(examples=3, step=SilentStep(), check=lambda: None)
PIECE = Piece(table=None, place=BlockRange(0, None))


class Text:
    """A state that is nothing but COPY text, in blocks of awkward boundaries."""

    def __init__(self, lines: list[bytes]) -> None:
        self._text = b"".join(line + b"\n" for line in lines)

    def read(self, piece: Piece, consume: Callable[[bytes], None]) -> None:
        del piece
        for at in range(0, len(self._text), 7):
            consume(self._text[at : at + 7])


def changes_of(before: list[bytes], after: list[bytes], key: tuple[int, ...]):
    with SpilledPairs(3) as first, SpilledPairs(3) as second:
        for spilled, lines in ((first, before), (second, after)):
            state: State = Text(lines)  # type: ignore[assignment] # only `read` is asked for
            spill_rows(spilled, state, [PIECE], Projection(key=key, compared=None), READING)
        return count_changes(first, second, wanted=3, check=lambda: None)


def lines_of(rows: dict[int, str]) -> list[bytes]:
    return [f"{number}\t{text}".encode() for number, text in rows.items()]


@given(KEYED, KEYED)
def test_rows_with_a_key_are_added_removed_or_changed(
    before: dict[int, str], after: dict[int, str]
):
    found = changes_of(lines_of(before), lines_of(after)[::-1], (0,))
    both = before.keys() & after.keys()
    changed = {number for number in both if before[number] != after[number]}
    assert found.counts[Change.ADDED] == len(after.keys() - before.keys())
    assert found.counts[Change.REMOVED] == len(before.keys() - after.keys())
    assert found.counts[Change.CHANGED] == len(changed)
    assert len(found.examples[Change.CHANGED]) == min(3, len(changed))
    assert found.examples[Change.CHANGED].keys() <= {digest(b"%d" % number) for number in changed}


ROWS = st.lists(st.sampled_from([b"a\t1", b"b\t1", b"\\N\t1", b"\\N\t2"]), max_size=12)


@given(ROWS, ROWS, st.sampled_from([(), (0,), (1, 0)]))
def test_rows_without_a_key_are_counted_as_often_as_they_occur(
    before: list[bytes], after: list[bytes], key: tuple[int, ...]
):
    found = changes_of(before, after, key)
    first, second = Counter(before), Counter(after)
    # Every row that the one has more often than the other: a changed one counts in both.
    gone, come = (first - second).total(), (second - first).total()
    assert found.counts[Change.REMOVED] + found.counts[Change.CHANGED] == gone
    assert found.counts[Change.ADDED] + found.counts[Change.CHANGED] == come
    if not key:
        assert found.counts[Change.CHANGED] == 0


@given(st.binary(max_size=60), st.lists(st.integers(0, 60), max_size=5))
def test_lines_do_not_depend_on_where_blocks_end(text: bytes, cuts: list[int]):
    splitter, lines = LineSplitter(), []
    places = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    for start, end in pairwise(places):
        lines += splitter.feed(text[start:end])
    assert lines == text.split(b"\n")[:-1]


@pytest.mark.parametrize("rows", [0, 1, 1000, 100_000])
def test_pairs_come_back_from_disk_as_often_as_they_were_added(rows: int):
    with SpilledPairs(7) as spilled:
        for number in range(rows):
            spilled.add(digest(b"%d" % (number // 2)), digest(b""))
        found = sum((spilled.pairs_of(bucket) for bucket in spilled.buckets), Counter())
    assert found.total() == spilled.count == rows
    assert len(found) == (rows + 1) // 2
