"""The catalog is lost in the middle of a story, and built again from the places alone (F73, I8, I9)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from orchestrator.archive.layout import manifest_key, mark_key
from orchestrator.errors import OrchestratorError
from orchestrator.execution.rebuild.rebuild_catalog import rebuild_catalog
from orchestrator.model.backup import Backup, CopyState
from orchestrator.model.marks import Mark
from orchestrator.model.names import BackupId, DestinationName, ObjectKey
from orchestrator.reconciler.passes import run_pass
from tests.simulation.copies import CopyChecks, require
from tests.simulation.processes import Fate, Killed, Process
from tests.simulation.world import World


@dataclass
class LostCatalog:
    """What a catalog said before it was lost, and what lay at the places by then."""

    world: World
    copies: CopyChecks
    backups: Sequence[Backup] = field(init=False)
    marks: Mapping[BackupId, Sequence[Mark]] = field(init=False)
    there: Mapping[str, Mapping[ObjectKey, bytes]] = field(init=False)

    def __post_init__(self) -> None:
        catalog = self.world.catalog
        self.backups = catalog.backups()
        self.marks = {backup.id: catalog.marks(backup.id) for backup in self.backups}
        self.there = {place: dict(self.world.objects(place)) for place in self.world.places}

    def check_refused(self) -> None:
        """A pass of a catalog that knows nothing leaves places that hold something alone (F73)."""
        process = Process(self.world)
        with self.world.process_runs(process):
            run_pass(process.execution())
        if self.world.violation is not None:
            raise self.world.violation
        require(self._is_unchanged(), "I9", "a catalog that was lost began a second timeline")

    def rebuild(self) -> None:
        """Somebody rebuilds from each place; the first time may come to a sudden end."""
        places = sorted(self.world.places)
        self.world.chance.shuffle(places)
        for place in places:
            if self.world.chance.random() < 0.4:
                self._rebuild(place, self._draw_fate())
            self._rebuild(place, Fate())
        for place in places:
            report = self._rebuild(place, Fate())
            added = 0 if report is None else sum(series.added for series in report.series)
            require(report is not None and not added, "I15", f"a rebuild from {place} did more")
        require(self._is_unchanged(), "I9", "a rebuild changed a place")

    def _draw_fate(self) -> Fate:
        at = self.world.chance.randrange(1, 60)
        return Fate(dies_at=at) if self.world.chance.random() < 0.6 else Fate(errs_at=at)

    def _rebuild(self, place: str, fate: Fate) -> Any:  # noqa: ANN401 - a RebuildReport, or None
        process = Process(self.world, fate=fate)
        self.world.say(f"somebody rebuilds the catalog from {place} (process {process.number})")
        try:
            with self.world.process_runs(process):
                return rebuild_catalog(DestinationName(place), process.execution())
        except Killed:
            return None
        except OrchestratorError as error:
            self.world.say(f"the rebuild failed: {error.what}")
            return None

    def _is_unchanged(self) -> bool:
        return all(objects == self.world.objects(place) for place, objects in self.there.items())

    # ---------------------------------------------------------- the same as before
    def check_same(self) -> None:
        """What lies there whole is listed as it was, with its marks; nothing else is listed (F73)."""
        found = {backup.id: backup for backup in self.world.catalog.backups()}
        for backup in self.backups:
            for copy in backup.copies:
                place = str(copy.destination)
                if copy.state is CopyState.COMPLETE and not self._is_harmed(backup, place):
                    self._check_listed(backup, found.get(backup.id), place)
            if backup.id in found:
                self._check_marks(backup, found[backup.id])
        for backup in found.values():
            self._check_there(backup)
        rebuilt = self.world.catalog.rebuilt_series()
        forgotten = {str(one.series) for one in found.values()} - {str(one) for one in rebuilt}
        require(not forgotten, "I8", f"{forgotten} may be pruned though the catalog was rebuilt")

    def _check_listed(self, was: Backup, now: Backup | None, place: str) -> None:
        is_there = now is not None and any(
            copy.destination == place and copy.state is CopyState.COMPLETE for copy in now.copies
        )
        require(is_there, "I16", f"{was.id} lies whole at {place}; a rebuild did not list it")
        if now is not None:
            same = [_facts_of(one) for one in (was, now)]
            require(same[0] == same[1], "I16", f"{was.id} was rebuilt as another: {same}")

    def _check_marks(self, was: Backup, now: Backup) -> None:
        """Every mark that lies at a place is in force again; one that was damaged is suspicious."""
        is_harmed = any(self._is_harmed(was, place) for place in self.world.places)
        if is_harmed or was.id in self.world.forgotten:
            return
        lying = {mark.name for mark in self.marks[was.id] if self._lies(was, mark)}
        known = {mark.name for mark in self.world.catalog.marks(now.id)}
        require(lying == known, "I8", f"the marks of {was.id} were {lying}, and are {known} now")
        if len(lying) == len(self.marks[was.id]):
            require(was.holds == now.holds, "I8", f"the holds of {was.id} are others now")
            is_same = was.is_suspicious == now.is_suspicious
            require(is_same, "I8", f"{was.id} was as suspicious as it is not now")

    def _check_there(self, backup: Backup) -> None:
        for copy in backup.copies:
            place = str(copy.destination)
            key = manifest_key(backup.path, backup.id)
            is_there = key in self.world.objects(place)
            require(is_there, "I16", f"{backup.id} is listed at {place} without a manifest")
            if copy.state is CopyState.COMPLETE:
                lost = [
                    one
                    for one, _ in self.copies.objects_of(backup, place)
                    if one not in self.world.objects(place)
                ]
                require(not lost, "I3", f"{backup.id} is listed complete at {place} without {lost}")

    def _lies(self, backup: Backup, mark: Mark) -> bool:
        key = mark_key(backup.path, backup.id, mark)
        return any(key in self.world.objects(place) for place in _places_of(backup))

    def _is_harmed(self, backup: Backup, place: str) -> bool:
        """Whether anything was ever done to what belongs to a backup at a place."""
        folder = f"{backup.path}/backups/{backup.id}/"
        harmed = {key for where, key in self.world.harmed if where == place}
        keys = {key for key, _ in self.copies.objects_of(backup, place)}
        return bool(harmed & keys) or any(key.startswith(folder) for key in harmed)


def _facts_of(backup: Backup) -> tuple[object, ...]:
    return (
        backup.series,
        backup.path,
        backup.snapshot_at,
        backup.finished_at,
        backup.reason,
        backup.sequence,
        backup.fence,
        backup.manifest_digest,
    )


def _places_of(backup: Backup) -> Iterator[str]:
    return (str(copy.destination) for copy in backup.copies)
