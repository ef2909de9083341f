"""Copies of what is replaced are cut between rows, and listed last of all."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from orchestrator.archive.compression import decompress_blocks
from orchestrator.destinations.memory import MemoryDestination
from orchestrator.errors import DestinationPermissionError, LockTimeoutError, RestoreError
from orchestrator.execution.replace import safety
from orchestrator.execution.replace.safety import LocalCopy, Safety, local_copy, require_every_row
from orchestrator.model.contents import Table, TableName
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


@dataclass
class Replaced:
    """A replacement whose tables have these rows, or as many as are counted."""

    counted: Mapping[TableName, int] = field(default_factory=dict)

    def read_table(self, _: Table, consume: Callable[[bytes], None]) -> int:
        return reader(100)(consume)

    def count_rows(self, tables: Sequence[Table]) -> list[int]:
        return [self.counted.get(table.name, 1000) for table in tables]


def test_tables_that_are_written_the_same_have_each_its_own_rows():
    first, second = a_table("c", schema="a.b"), a_table("b.c", schema="a")
    replacement: Any = Replaced({first.name: 7, second.name: 9})
    safety = Safety(backup=None, keys=(), rows={first.name: 7, second.name: 9})
    require_every_row(safety, replacement, [first, second], "practice")
    changed = replace(safety, rows={first.name: 9, second.name: 9})
    with pytest.raises(RestoreError, match=r"a\.b\.c has 7 rows, and 9 in the backup"):
        require_every_row(changed, replacement, [first, second], "practice")


def test_a_local_copy_counts_tables_that_are_written_the_same_apart():
    tables = [a_table("c", schema="a.b"), a_table("b.c", schema="a")]
    replacement: Any = Replaced()
    place = MemoryDestination(DestinationName("safety"))
    with local_copy(replacement, tables, place, "now") as saved:
        assert [*saved.rows.values()] == [1000, 1000]


def test_a_copy_that_cannot_be_taken_away_hides_no_cause(caplog: pytest.LogCaptureFixture):
    stuck = MemoryDestination(DestinationName("safety"))
    replacement: Any = Replaced()
    cause = LockTimeoutError("the table is locked", next_step="wait")

    def refuse(key: ObjectKey) -> None:
        raise DestinationPermissionError(f"{key} stays", next_step="ask")

    stuck.remove = refuse  # type: ignore[method-assign]  # a disk that became read-only meanwhile
    with (
        pytest.raises(LockTimeoutError) as caught,
        local_copy(replacement, [a_table("t", id="integer", text="text")], stuck, "now"),
    ):
        raise cause
    assert caught.value is cause
    assert [record.message for record in caplog.records] == ["safety_copy_not_removed"]
