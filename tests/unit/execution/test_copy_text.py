"""Fields of COPY text mean what PostgreSQL's manual says."""

import pytest

from orchestrator.execution.diff.copy_text import codec_of, decode_field


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


@pytest.mark.parametrize(
    ("encoding", "field", "text"),
    [
        ("UTF8", "ü".encode(), "ü"),
        ("SQL_ASCII", "ü".encode(), "ü"),
        ("LATIN9", b"\xa4", "€"),
        ("KOI8R", b"\xd1", "я"),
        ("KOI8U", b"\xa4", "є"),
        ("WIN1252", b"\x80", "€"),
        ("WIN866", b"\x9f", "Я"),
        ("WIN874", b"\xa1", "ก"),
        ("EUC_TW", b"a\xa4", "a\ufffd"),
        ("MULE_INTERNAL", b"a\x81", "a\ufffd"),
    ],
)
def test_a_field_of_any_encoding_of_a_server_has_a_text(encoding: str, field: bytes, text: str):
    assert decode_field(field, codec_of(encoding)) == text
