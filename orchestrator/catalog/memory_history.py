"""The past of series in the in-memory catalog: `orchestrator.ports.history`."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from itertools import takewhile

from orchestrator.model.backup import Backup
from orchestrator.model.names import BackupId, Series
from orchestrator.model.run import Run, RunState
from orchestrator.ports.history import SeriesHistory

_BROKEN_OFF = frozenset({RunState.FAILED, RunState.INTERRUPTED})


class MemoryHistory(ABC):
    """The part of the in-memory catalog that every pass reads."""

    @abstractmethod
    def backup(self, backup_id: BackupId) -> Backup | None:
        """Return one backup, or None."""

    @abstractmethod
    def backups(self, series: Series | None = None) -> Sequence[Backup]:
        """Return backups, oldest snapshot first."""

    @abstractmethod
    def runs(self, series: Series | None = None) -> Sequence[Run]:
        """Return attempts, oldest first."""

    def histories(self, series: Sequence[Series]) -> Mapping[Series, SeriesHistory]:
        """Return the history of each of these series."""
        return {one: _history_of(self.backups(one), self.runs(one)) for one in series}

    def backups_named(self, ids: Sequence[BackupId]) -> Mapping[BackupId, Backup]:
        """Return those of these backups that are listed."""
        found = map(self.backup, ids)
        return {backup.id: backup for backup in found if backup is not None}


def _history_of(backups: Sequence[Backup], runs: Sequence[Run]) -> SeriesHistory:
    made_by = max(backups, key=lambda backup: backup.sequence).run if backups else None
    ended = [run for run in runs if run.state is not RunState.RUNNING]
    failures = takewhile(lambda run: run.state in _BROKEN_OFF, reversed(ended))
    ends = [run.finished_at or run.started_at for run in runs if run.state in _BROKEN_OFF]
    return SeriesHistory(
        backups=tuple(backups),
        server_ahead=next((run.server_ahead for run in runs if run.id == made_by), None),
        failures=tuple(failures)[::-1],
        broken_off_at=max(ends, default=None),
    )
