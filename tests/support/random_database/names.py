"""Names as unkind as PostgreSQL takes them, each once."""

import random

_PARTS = (
    "users", "Order", "select", "a b", 'quo"te', "it's", "back\\slash", "new\nline", "tab\there",
    "dot.ted", "do$$lar", "per%cent", "st*r?", "-dash", "--comment", "/*c*/", "semi;colon", "{b}",
    "(p)", "a,b", "Ünï", "☃", "host=evil", ":colon", "@at", "=", "NULL", "\\.", "  ", "1",
)  # fmt: skip
_LONGEST = 63


class Names:
    """Draws quoted identifiers, none twice."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._count = 0

    def draw(self, kind: str) -> str:
        """Return a new quoted name; every third is plain, so that failures can be read."""
        self._count += 1
        if self._rng.random() < 0.4:
            return f"{kind}_{self._count}"
        parts = "".join(self._rng.choices(_PARTS, k=self._rng.choice((1, 1, 2, 7))))
        tail = f"{kind[0]}{self._count}"
        kept = parts.encode()[: _LONGEST - len(tail)].decode(errors="ignore")
        return quoted(kept + tail)


def quoted(name: str) -> str:
    """Return any name as an identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Return any text as a string literal."""
    return "E'" + text.replace("\\", "\\\\").replace("'", "''") + "'"
