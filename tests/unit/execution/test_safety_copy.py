"""Copies of what is replaced are cut between rows, and listed last of all."""

import json
from collections.abc import Callable

import pytest

from orchestrator.archive.compression import decompress_blocks
from orchestrator.destinations.memory import MemoryDestination
from orchestrator.execution.replace import safety
from orchestrator.execution.replace.safety import LocalCopy
from orchestrator.model.names import DestinationName, ObjectKey
from tests.support.replacing import a_table

TEXT = b"".join(b"%d\tsome text\n" % number for number in range(1000))


def reader(block: int) -> Callable[[Callable[[bytes], None]], int]:
    def read(consume: Callable[[bytes], None]) -> int:
        for start in range(0, len(TEXT), block):
            consume(TEXT[start : start + block])
        return TEXT.count(b"\n")

    return read


@pytest.mark.parametrize("block", [1, 7, 100, 5000, 10**6])
def test_pieces_are_whole_rows_and_together_the_table(block: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(safety, "_PIECE_BYTES", 500)
    place = MemoryDestination(DestinationName("safety"))
    copy = LocalCopy(place, "now")
    copy.save(a_table("t", id="integer", text="text"), reader(block))
    copy.finish()
    pieces = [b"".join(decompress_blocks(place.read(key))) for key in copy.keys if ".zst" in key]
    assert b"".join(pieces) == TEXT
    assert all(piece.endswith(b"\n") for piece in pieces)
    assert len(pieces) > 5 or block > 500
    listed = json.loads(place.read(ObjectKey("now/contents.json")))
    assert (listed["tables"][0]["rows"], len(listed["tables"][0]["pieces"])) == (1000, len(pieces))


def test_a_copy_that_is_not_needed_goes_away():
    place = MemoryDestination(DestinationName("safety"))
    copy = LocalCopy(place, "now")
    copy.save(a_table("t", id="integer", text="text"), reader(100))
    copy.finish()
    copy.remove()
    assert [*place.list("")] == []
