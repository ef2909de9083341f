"""Fields of COPY text: how a server writes values, and what they mean.

PostgreSQL escapes in one way only, so two values of a type are equal if their fields are, byte for
byte (https://www.postgresql.org/docs/17/sql-copy.html, "Text Format").
"""

import codecs
import re

NULL = rb"\N"
_ESCAPE = re.compile(rb"\\(.)", re.DOTALL)
_MEANINGS = {b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}
# PostgreSQL's names of encodings that Python knows under another name.
_CODECS = {
    "SQL_ASCII": "utf-8",
    "KOI8R": "koi8_r",
    "KOI8U": "koi8_u",
    "WIN866": "cp866",
    "WIN874": "cp874",
}


def codec_of(encoding: str) -> str:
    """Return Python's codec for an encoding by PostgreSQL's name; ASCII for one Python lacks.

    Those are EUC_TW and MULE_INTERNAL. The names are those of PostgreSQL's manual, "Character Set
    Support", table 24.3.
    """
    name = _CODECS.get(encoding, encoding.replace("WIN", "cp"))
    try:
        return codecs.lookup(name).name
    except LookupError:
        return "ascii"


def decode_field(field: bytes, encoding: str) -> str | None:
    """Given a field as a server writes it, return its text, or None for NULL.

    ``encoding`` is a codec of Python; bytes that it does not know become U+FFFD.
    """
    if field == NULL:
        return None
    plain = _ESCAPE.sub(lambda match: _MEANINGS.get(match[1], match[1]), field)
    return plain.decode(encoding, "replace")


class LineSplitter:
    """Cuts a stream of COPY text, in blocks of any boundaries, into whole lines."""

    def __init__(self) -> None:
        self._unfinished: list[bytes] = []

    def feed(self, block: bytes) -> list[bytes]:
        """Take the next block, and return the lines that it completes, without their ends."""
        head, newline, rest = block.partition(b"\n")
        self._unfinished.append(head)
        if not newline:
            return []
        lines = rest.split(b"\n")
        tail = lines.pop()
        lines.insert(0, b"".join(self._unfinished))
        self._unfinished = [tail]
        return lines
