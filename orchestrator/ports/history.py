"""What the catalog remembers of the past of series, as far as a pass asks about it.

A catalog may list a million backups, and every pass asks about all of them: only what decides is
read, for many series at a time (design §10).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from orchestrator.model.backup import Backup, BackupOutline
from orchestrator.model.names import BackupId, Series
from orchestrator.model.run import Run


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesHistory:
    """The past of one series. Times are aware UTC.

    Attributes:
        backups: all that the catalog lists, oldest snapshot first, as their marks say.
        server_ahead: how much later the database's clock was than ours at the one with the highest
            sequence number, or None if there is none or the catalog does not know.
        failures: the attempts since the last one that succeeded, oldest first; all of them
            failed or were interrupted. One that still runs has no end yet, and changes nothing.
        broken_off_at: when any attempt last failed or was interrupted, or None.
    """

    backups: tuple[BackupOutline, ...] = ()
    server_ahead: timedelta | None = None
    failures: tuple[Run, ...] = ()
    broken_off_at: datetime | None = None


class HistoryReader(Protocol):
    """Reads the past of series."""

    def histories(self, series: Sequence[Series]) -> Mapping[Series, SeriesHistory]:
        """Return the history of each of these series, all as they are at one moment.

        The backups of all of them are in memory at once: ask for some dozens at a time.
        """
        ...

    def backups_named(self, ids: Sequence[BackupId]) -> Mapping[BackupId, Backup]:
        """Return those of these backups that the catalog lists."""
        ...
