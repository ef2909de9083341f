"""What is compared on disk does not fit, or has no place at all: said in words."""

import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.errors import LocalFileError
from orchestrator.execution.diff import spill
from orchestrator.execution.diff.spill import SpilledPairs, digest

PAIRS = 5000
"""More than fit into buffers."""


def fill(spilled: SpilledPairs) -> None:
    for number in range(PAIRS):
        spilled.add(digest(b"%d" % number), digest(b"row"))


def read_back(spilled: SpilledPairs) -> None:
    spilled.add(digest(b"1"), digest(b"row"))
    for _ in range(256):
        spilled.add(digest(b"2"), digest(b"row"))
    spilled.pairs_of(0)


@pytest.mark.parametrize("work", [fill, read_back])
def test_a_full_disk_ends_comparing_with_what_to_do(
    work: Callable[[SpilledPairs], None], monkeypatch: pytest.MonkeyPatch
):
    full = Path("/dev/full").open("w+b")  # noqa: SIM115 - closed by the pairs
    monkeypatch.setattr(spill, "TemporaryFile", lambda **_: full)
    with pytest.raises(LocalFileError, match="No space left") as caught, SpilledPairs(1) as spilled:
        work(spilled)
    assert "TMPDIR" in caught.value.next_step


def test_without_a_directory_for_temporary_files_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    with pytest.raises(LocalFileError, match="No such file"):
        SpilledPairs(1)
