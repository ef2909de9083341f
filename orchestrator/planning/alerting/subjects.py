"""What a trouble is in some words, for the subject of a message, which is cut where it is long. Pure.

The words of an error begin with what it happened to, and a subject has said that already.
"""

import re
from collections.abc import Mapping

from orchestrator.model.alert import Cause
from orchestrator.model.names import Series

_BEGINNINGS: Mapping[str, tuple[re.Pattern[str], str]] = {
    "server": (re.compile(r"database '[^']*' at \S+ "), ""),
    "destination": (re.compile(r"destination '[^']*'(?: \([^)]*\))?:? "), ""),
    "the": (re.compile(r"the disk of the catalog .* is full"), "its disk is full"),
}
"""By the first word of a subject, how the words of its errors begin, and what is left of that."""

_PLACE = re.compile(r"(destination '[^']*') \([^)]*\)")
"""A destination within a sentence; where it is says the body."""

_SINCE_BACKUP = re.compile(r" (?:since|in) \d{8}T\d{6}Z-[0-9a-f]{6}")


def shorten_failure(what: str, cause: Cause, series: Series) -> str:
    """Return the words of an error without what they happened to, if they begin with that."""
    kind = cause.subject.partition(" ")[0]
    words = what.removeprefix(f"{series}: ")
    beginning, instead = _BEGINNINGS.get(kind, (None, ""))
    met = beginning.match(words) if beginning else None
    return _PLACE.sub(r"\1", words) if met is None else f"{instead}{words[met.end() :]}"


def names_what_it_hit(words: str, subject: str) -> bool:
    """Whether words such as ``the marker of destination 'local' is not there`` say it themselves."""
    kind, _, name = subject.partition(" ")
    return f"{kind} {name!r}" in words or (kind == "server" and f" at {name}" in words)


def shorten_suspicion(reason: str) -> str:
    """Return what a guard found without naming the backup that it compared with."""
    return _SINCE_BACKUP.sub("", reason)
