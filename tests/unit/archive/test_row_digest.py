import pytest

from orchestrator.archive.row_digest import RowDigest
from orchestrator.errors import IncompleteStreamError


def digest(*blocks: bytes) -> str:
    rows = RowDigest()
    for block in blocks:
        rows.feed(block)
    return rows.finish()


def test_the_digest_of_no_rows_is_zero():
    assert digest() == "0:" + "0" * 128


def test_two_equal_rows_do_not_cancel_out():
    assert digest(b"a\na\n") != digest(b"b\nb\n")
    assert digest(b"a\na\nb\n") != digest(b"b\n")


def test_an_empty_row_counts():
    assert digest(b"\n") != digest()
    assert digest(b"\n").startswith("1:")


def test_a_row_without_end_is_an_incomplete_stream():
    with pytest.raises(IncompleteStreamError, match="in the middle of a line"):
        digest(b"a\nb")
