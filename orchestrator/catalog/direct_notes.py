"""Remembers in the state directory that somebody was told of a catalog that cannot be used.

The disk of that directory may be the full one, so nothing is written into a file: an empty one is
made, whose time is the note. Where not even that can be done, only this process remembers.
"""

import os
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import final

from typing_extensions import override

from orchestrator.ports.direct_notes import DirectNotes

NAME = "told-without-catalog"


@final
class FileNotes(DirectNotes):
    """An empty file, whose modification time says when somebody was told last."""

    def __init__(self, state: Path) -> None:
        """Given the state directory, touch nothing yet."""
        self._path = state / NAME
        self._remembered: datetime | None = None

    @override
    def told_at(self) -> datetime | None:
        with suppress(OSError, OverflowError, ValueError):
            return datetime.fromtimestamp(self._path.stat().st_mtime, UTC)
        return self._remembered

    @override
    def note(self, at: datetime) -> None:
        self._remembered = at
        with suppress(OSError, OverflowError):
            self._path.touch(mode=0o600)
            os.utime(self._path, (at.timestamp(), at.timestamp()))

    @override
    def forget(self) -> None:
        self._remembered = None
        with suppress(OSError):
            self._path.unlink(missing_ok=True)
