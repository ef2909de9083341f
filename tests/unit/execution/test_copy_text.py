"""Fields of COPY text mean what PostgreSQL's manual says."""

import pytest

from orchestrator.execution.diff.copy_text import decode_field


@pytest.mark.parametrize(
    ("field", "text"),
    [
        (b"\\N", None),
        (b"", ""),
        (b"\\\\N", "\\N"),
        (b"a\\tb\\nc\\rd\\be\\ff\\vg", "a\tb\nc\rd\be\ff\vg"),
        (b"\\\\t", "\\t"),
        ("ü".encode(), "ü"),
        (b"\xff", "\ufffd"),
    ],
)
def test_a_field_is_decoded(field: bytes, text: str | None):
    assert decode_field(field, "utf-8") == text
