"""Cutting lists of SQL text where they are lists, not where a name or a text has a comma."""

import re
from collections.abc import Iterator

# A quoted name or text, a bracket, a comma, or a run of anything else. pg_dump writes texts with
# backslashes as E'…' with both doubled, so a quote after a backslash never goes on.
_TOKEN = re.compile(r"""("(?:[^"]|"")*"|'(?:[^']|'')*')|([(\[])|([)\]])|(,)|[^"'()\[\],]+|.""")
_PLAIN_NAME = re.compile(r'[a-z_\x80-\uffff][a-z0-9_$\x80-\uffff]*|"(?:[^"]|"")*"')

_QUOTED = re.compile(
    r"""'(?:[^']|'')*'|\$(\w*)\$.*?\$\1\$|"([a-z_][a-z0-9_$]*)"(?!")|"(?:[^"]|"")*\"""", re.DOTALL
)


def without_needless_quotes(text: str) -> str:
    """Return SQL text without the quotes of names that mean the same without them.

    pg_dump writes them or not, as it is asked to; what texts and bodies of functions say, stays.
    """
    return _QUOTED.sub(lambda match: match[2] or match[0], text)


def bracketed_list(text: str, start: int) -> tuple[list[str], str]:
    """Given the place of an opening bracket, return the items in it and what follows it.

    Raises:
        ValueError: the bracket does not open there, or is never closed.
    """
    if text[start : start + 1] != "(":
        raise ValueError(f"no list begins at {start}")
    items = [""]
    for piece, depth, end in _tokens(text, start):
        if depth == 0:
            return [item.strip() for item in items if item.strip()], text[end:]
        if depth == 1 and piece == ",":
            items.append("")
        elif end > start + 1:
            items[-1] += piece
    raise ValueError("a list has no end")


def _tokens(text: str, start: int) -> Iterator[tuple[str, int, int]]:
    """Yield each token with the depth of brackets after it, and its end."""
    depth = 0
    for match in _TOKEN.finditer(text, start):
        depth += bool(match[2]) - bool(match[3])
        yield match[0], depth, match.end()


def leading_name(text: str) -> tuple[str, str] | None:
    """Return the name with which an SQL text begins, unquoted, and the rest; None if with none."""
    match = _PLAIN_NAME.match(text)
    if match is None:
        return None
    return unquoted(match[0]), text[match.end() :].strip()


def unquoted(name: str) -> str:
    """Return a name as the server has it."""
    return name[1:-1].replace('""', '"') if name.startswith('"') else name
