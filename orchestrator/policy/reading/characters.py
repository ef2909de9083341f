"""Characters that have no business in a policy file: they hide or reorder what people read."""

import re

FORBIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"  # control characters, the line break U+0085 included
    "\u2028\u2029"  # line breaks for YAML 1.1, and for nobody's editor
    "\u202a-\u202e\u2066-\u2069"  # text direction: code that reads otherwise than it runs
    "\ufeff\ufffe\uffff\ud800-\udfff]"  # byte order marks, non-characters, halves of characters
    "|\r(?!\n)"
)


def line_and_column(text: str, offset: int) -> tuple[int, int]:
    """Return where a character stands, both counted from 1."""
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)
