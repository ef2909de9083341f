"""What is really wrong at a series, by its runs, slots, copies and marks, and who is to hear of it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain

from orchestrator.model.backup import Backup, CopyState
from orchestrator.model.names import Series
from orchestrator.model.run import Run, RunState
from tests.simulation.keeping import list_kept
from tests.simulation.slots import SlotChecks
from tests.simulation.world import Spec, World

LONGEST_RUN = timedelta(hours=6)
"""The ``max_duration`` of every simulated policy."""
QUIET = frozenset({"ORC-901", "ORC-701", "ORC-702"})
"""Somebody asked a run to stop, or was first."""


@dataclass(frozen=True)
class Troubles:
    """Looks at what was recorded and done, and at nothing that the product made of it."""

    world: World
    slots: SlotChecks

    def find(self, series: Series, at: datetime) -> Iterator[str]:
        """Find what a human has to hear of, in words."""
        if (failed := self.latest_failure(series)) is not None and failed.error is not None:
            yield f"failed: {failed.error.what}"
        if not self.slots.doubtful and self.slots.is_any_broken(series, at):
            yield "has a broken promise"
        backups = self.backups(series)
        if any(copy.state is CopyState.DAMAGED for backup in backups for copy in backup.copies):
            yield "has a damaged copy"
        answered = max((one.snapshot_at for one in backups if one.acknowledged), default=None)
        if any(
            one.is_suspicious and (answered is None or one.snapshot_at > answered)
            for one in backups
        ):
            yield "has a suspicious backup"

    def lasts(self, series: Series, at: datetime) -> bool:
        """Whether anything is wrong at a series that somebody looks at."""
        return self.is_watched(series) and next(self.find(series, at), None) is not None

    def latest_failure(self, series: Series) -> Run | None:
        """The latest attempt that ended by itself, if it failed."""
        ended = [
            run
            for run in self.world.catalog.runs(series)
            if run.state is not RunState.RUNNING
            and not (run.error is not None and run.error.code in QUIET)
        ]
        latest = max(ended, key=lambda run: (run.started_at, run.id), default=None)
        return None if latest is None or latest.state is RunState.SUCCEEDED else latest

    def is_set_back(self, series: Series) -> bool:
        return any(setback.series == series for setback in self.world.catalog.setbacks())

    def backups(self, series: Series) -> Sequence[Backup]:
        backups: Sequence[Backup] = self.world.catalog.backups(series)
        return backups

    def is_harmed(self, backup: Backup) -> bool:
        """Whether a copy is called damaged, and something was done to its series' objects there."""
        return any(
            copy.state is CopyState.DAMAGED
            and any(
                place == copy.destination and key.startswith(f"{backup.path}/")
                for place, key in self.world.harmed
            )
            for copy in backup.copies
        )

    def runs_for_long(self, series: Series, at: datetime) -> bool:
        """Whether a run has used half of the time that it may take."""
        running = (run for run in self.world.catalog.runs(series) if run.state is RunState.RUNNING)
        return any(at - run.started_at >= LONGEST_RUN / 2 for run in running)

    def is_too_much_kept(self, series: Series) -> bool:
        spec = self.world.specs[str(series.policy)]
        backups = self.backups(series)
        return any(
            {str(one.id) for one in backups} - list_kept(backups, place, spec, self.world.time)
            for place in spec.places
        )

    def channels(self) -> set[str]:
        """Return every channel that a policy names."""
        return set(chain.from_iterable(spec.channels for spec in self.world.specs.values()))

    def is_watched(self, series: Series) -> bool:
        """Whether a policy names the series, so that anybody looks at it."""
        spec: Spec | None = self.world.specs.get(str(series.policy))
        return spec is not None and series.database in spec.databases
