"""Two databases that change names, so that what was restored takes the place of what was there."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from orchestrator.model.contents import Details, ServerIdentity, TableName
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


@dataclass(frozen=True, slots=True, kw_only=True)
class SwapDifferences:
    """What the old database has that the backup has not.

    ``written`` has another number of rows than the backup. ``not_backed_up`` are tables with rows
    that the backup's policy leaves out: whoever takes the backup's database has them without rows.
    """

    written: tuple[ChangedTable, ...]
    not_backed_up: tuple[ChangedTable, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SwapOutlook:
    """What a swap would meet if it began now; ``notes`` are what may stand in its way, in words."""

    differences: SwapDifferences
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SwapResult:
    """What was found when nobody could write to the old database any more.

    ``differences`` is None if they could not be counted: they are unknown then, and ``notes`` says
    why. ``ended_sessions`` were connected; ``notes`` are also what stays with the old database.
    """

    differences: SwapDifferences | None
    ended_sessions: int
    notes: tuple[str, ...]


class Swapper(Protocol):
    """Renames databases."""

    def look(self, request: SwapRequest, details: Details) -> SwapOutlook:
        """Count what the old database has that the backup has not; nothing is changed.

        Raises:
            DatabaseMissingError: it is not there.
            ReplaceRefusedError: this role may not rename it or not read its tables (ready SQL is
                listed), or one of the other names is taken.
            RestoreError: a table could not be counted.
        """
        ...

    def identify_restored(self, request: SwapRequest) -> ServerIdentity:
        """Return the identity of the restored database, which it keeps under its other name."""
        ...

    def drop_statement(self, request: SwapRequest) -> str:
        """Return the SQL that drops the restored database, while it has not got its name."""
        ...

    def swap(self, request: SwapRequest, details: Details) -> SwapResult:
        """End every session of both databases, rename both at once, then count what the old holds.

        The restored one gets the comment that the backup recorded; the old one is marked, so that
        no pattern of a policy takes it for a database of its own.

        Raises:
            RestoreError: both keep their names.
        """
        ...
