"""What was told directly, because the catalog that would remember it cannot be used."""

from datetime import datetime
from typing import Protocol, final

from typing_extensions import override


class DirectNotes(Protocol):
    """Remembers, as well as it can, when somebody was told last; no method ever raises."""

    def told_at(self) -> datetime | None:
        """Return when somebody was told last, or None: never, or nobody could remember it."""
        ...

    def note(self, at: datetime) -> None:
        """Remember that somebody was told."""
        ...

    def forget(self) -> None:
        """Forget it: the catalog can be used again."""
        ...


@final
class ForgottenNotes(DirectNotes):
    """For whoever has no place to remember it longer than it lives itself."""

    def __init__(self) -> None:
        """Start with nobody told."""
        self._at: datetime | None = None

    @override
    def told_at(self) -> datetime | None:
        return self._at

    @override
    def note(self, at: datetime) -> None:
        self._at = at

    @override
    def forget(self) -> None:
        self._at = None
