"""Two databases that change names, so that what was restored takes the place of what was there."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from orchestrator.model.contents import TableData, TableName
from orchestrator.model.secret import Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class SwapRequest:
    """Which databases change names: ``name`` becomes ``kept_as``, ``restored`` becomes ``name``.

    ``patience`` is how long sessions may take to end once they were told to.
    """

    url: Secret
    name: str
    restored: str
    kept_as: str
    application_name: str
    patience: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedTable:
    """A table of the old database that has not the rows of the backup.

    ``now`` is None if the table is gone; ``then`` is None if it came after the backup.
    """

    name: TableName
    then: int | None
    now: int | None


@dataclass(frozen=True, slots=True)
class SwapResult:
    """What was found when nobody could write to the old database any more.

    ``ended_sessions`` were connected to it; ``notes`` are what stays with it, in words.
    """

    changed: tuple[ChangedTable, ...]
    ended_sessions: int
    notes: tuple[str, ...]


class Swapper(Protocol):
    """Renames databases."""

    def require_swappable(self, request: SwapRequest) -> None:
        """Do nothing if the database is there and this role may rename it.

        Raises:
            DatabaseMissingError: it is not there.
            RestoreError: this role may not, or the other name is taken.
        """
        ...

    def swap(self, request: SwapRequest, tables: Sequence[TableData]) -> SwapResult:
        """End every session of the old database, rename both at once, then count what it holds.

        Raises:
            RestoreError: both keep their names.
        """
        ...
