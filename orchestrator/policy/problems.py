"""What is wrong with policy files, and exactly where.

Everything in this room reports into one `ProblemLog` and goes on, so that a user sees all problems
at once. One mistake is one problem. No message carries the value of a secret.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

from typing_extensions import override

from orchestrator.policy.passwords import without_password

LONGEST_QUOTE = 60
LONGEST_PATH = 4096


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A character in a file; line and column count from 1."""

    file: str
    line: int
    column: int

    @override
    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One mistake: where it is, what is wrong, and a hint, which may be empty."""

    file: str
    line: int
    column: int
    message: str
    hint: str = ""

    @override
    def __str__(self) -> str:
        text = f"{self.file}:{self.line}:{self.column}: {self.message}"
        return f"{text}; {self.hint}" if self.hint else text


class ProblemLog:
    """Collects problems and warnings of all files."""

    def __init__(self) -> None:
        self._problems: set[Problem] = set()
        self._warnings: set[Problem] = set()

    def report(self, place: Place, message: str, hint: str = "") -> None:
        """Keep a problem: the policies cannot be used."""
        self._problems.add(Problem(place.file, place.line, place.column, message, hint))

    def warn_about(self, place: Place, message: str, hint: str = "") -> None:
        """Keep a warning: the policies can be used, but perhaps should not."""
        self._warnings.add(Problem(place.file, place.line, place.column, message, hint))

    @property
    def problems(self) -> tuple[Problem, ...]:
        """All problems, by place, each once."""
        return tuple(sorted(self._problems))

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """All warnings, by place, each once."""
        return tuple(sorted(self._warnings))


def quoted(text: str, *, longest: int = LONGEST_QUOTE) -> str:
    """Return text as it may stand in a message: marked as literal, on one line, not too long.

    A password in it, which a user may have written into the wrong field, is not shown.
    """
    shown = without_password(text if text.isprintable() else ascii(text)[1:-1])
    return f"`{shown if len(shown) <= longest else shown[:longest] + '…'}`"


def closest(word: str, words: Iterable[str]) -> str | None:
    """Return the one of the words that a misspelt word probably means, or None."""
    by_lower_case = {candidate.lower(): candidate for candidate in words}
    found = get_close_matches(word[:LONGEST_QUOTE].lower(), by_lower_case, n=1, cutoff=0.6)
    return by_lower_case[found[0]] if found else None


def did_you_mean(word: str, words: Iterable[str], *, nothing: str) -> str:
    """Return a hint: the closest of the words if there is one, and all of them.

    ``nothing`` is the hint where there are no words at all.
    """
    known = sorted(words)
    if not known:
        return nothing
    close = closest(word, known)
    guess = f"did you mean {quoted(close)}? " if close is not None else ""
    return f"{guess}allowed: {_listed(known)}"


def _listed(words: list[str]) -> str:
    shown = ", ".join(words[:20])
    return f"{shown}, … ({len(words)} in all)" if len(words) > 20 else shown  # noqa: PLR2004 the same 20
