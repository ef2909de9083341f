"""Watches every write and every removal at the moment it is made (I4, I5, I7, I8, I9)."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from orchestrator.model.backup import Backup, Copy, CopyState
from orchestrator.model.names import ObjectKey, Series
from orchestrator.model.run import RunState
from orchestrator.model.verification import Level
from tests.simulation.copies import CopyChecks, ViolationError, require
from tests.simulation.holding import find_hold
from tests.simulation.keeping import list_kept
from tests.simulation.processes import Process
from tests.simulation.world import TOLERANCE, Spec, World

DAY = timedelta(days=1)
LONGEST_RUN = timedelta(hours=6)
"""The ``max_duration`` of every simulated policy."""
SERIES_PARTS = ("/chunks/", "/backups/")


@dataclass
class FenceChecks:
    """Called before each change of a place, with who makes it."""

    world: World
    copies: CopyChecks
    unnamed_since: dict[tuple[str, ObjectKey], datetime] = field(default_factory=dict)
    """When the last manifest that named an object was removed."""
    moved: set[tuple[str, ObjectKey]] = field(default_factory=set)
    """What a collection moved aside before it was removed; it may have died in between."""
    removed: set[tuple[str, ObjectKey]] = field(default_factory=set)
    """What was seen to go."""
    begun: set[tuple[str, str]] = field(default_factory=set)
    unacknowledged: set[Series] = field(default_factory=set)
    """The series that were rebuilt, and that nobody acknowledged yet."""
    pruned: dict[tuple[str, str], list[datetime]] = field(default_factory=dict)
    taken: dict[tuple[str, str], list[datetime]] = field(default_factory=dict)

    def watch(self, process: Process, place: str, name: str, args: tuple[Any, ...]) -> None:
        """See a change of a place that is about to be made."""
        with self._remembered():
            self._watch(process, place, name, ObjectKey(args[0]))

    def watch_lease(self, process: Process, series: Series) -> None:
        """See a process take a lease: not from one that is alive and in time (I9)."""
        with self._remembered():
            lease = self.world.holder_of(str(series.policy), str(series.database))
            if lease is None or lease.expires_at <= self.world.time:
                return
            living = {one.number for one in self.world.running if not one.is_dead}
            is_alive = lease.holder.process in living - {process.number}
            require(not is_alive, "I9", f"the lease of {series} is taken from a live process")

    @contextmanager
    def _remembered(self) -> Iterator[None]:
        try:
            yield
        except ViolationError as violation:
            self.world.violation = self.world.violation or violation
            raise

    def _watch(self, process: Process, place: str, name: str, key: ObjectKey) -> None:
        if name == "remove":
            self._check_removal(process, place, key)
        elif name == "move_aside" and (place, key) not in self.world.harm:
            self._check_clocks(place, key)
            self._check_is_unnamed(place, key)
            self._check_has_waited(place, key)
            self.moved.add((place, key))
        is_of_series = any(part in key for part in SERIES_PARTS) and "/marks/" not in key
        if name == "create" and is_of_series:
            is_ours = self._check_fence(process, key)
            if key.endswith("/manifest.json"):
                series = key.rpartition("/backups/")[0]
                self.taken.setdefault((series, place), []).append(self.world.time)
            if key.endswith("/manifest.json") and not is_ours:
                self.world.stale_manifests.add((place, key))

    def _check_fence(self, process: Process, key: ObjectKey) -> bool:
        """Whether the lease is held: between check and write behind it a process may freeze, once."""
        policy, database = key.split("/")[:2]
        lease = self.world.holder_of(policy, database)
        is_ours = lease is not None and lease.holder.process == process.number
        if is_ours and lease is not None and lease.expires_at > self.world.time:
            return True
        process.stale_writes += 1
        require(process.stale_writes == 1, "I9", f"{key} was changed without the lease, again")
        require(process.was_interfered_with, "I9", f"{key} was changed without the lease")
        # Past its time, but not taken over: whoever takes over adopts it first.
        return is_ours

    # ---------------------------------------------------------- removals
    def _check_removal(self, process: Process, place: str, key: ObjectKey) -> None:
        is_ours = True
        if any(part in key for part in SERIES_PARTS):
            is_ours = self._check_fence(process, key)
            self._check_clocks(place, key)
        if (place, key) in self.removed and key not in self.world.objects(place):
            # A removal that was interrupted is finished.
            return
        self.removed.add((place, key))
        if "/chunks/" in key:
            self._check_is_unnamed(place, key)
            self._check_has_waited(place, key)
        elif "/backups/" in key and key.endswith("/manifest.json"):
            self._check_prune(place, key, is_ours=is_ours)
        elif "/backups/" in key:
            manifest = ObjectKey(
                key.split("/backups/")[0] + "/backups/" + _backup_of(key) + "/manifest.json"
            )
            is_named = manifest in self.world.objects(place)
            require(not is_named, "I4", f"{key} was removed before its manifest")

    def _check_clocks(self, place: str, key: ObjectKey) -> None:
        """Nothing goes while our clock is far from the place's, or from the server's (F69)."""
        world = self.world
        if world.places[place]._clock is not None:
            what = f"{key} at {place} is taken away though our clock is {world.skew} ahead"
            require(not world.is_skewed, "I8", what)
        policy, database = key.split("/")[:2]
        ended = [
            run
            for run in world.catalog.runs()
            if (run.series.policy, run.series.database) == (policy, database) and run.finished_at
        ]
        latest = max(ended, key=lambda run: run.fence, default=None)
        if latest is not None and latest.state is RunState.SUCCEEDED:
            seen = world.skews.get(str(latest.id), timedelta())
            what = f"{key} at {place} is taken away though {latest.id} saw that the server's clock"
            require(abs(seen) <= TOLERANCE, "I8", f"{what} is {seen} behind ours")

    def _check_is_unnamed(self, place: str, key: ObjectKey) -> None:
        """No manifest that lies there names the object (I4)."""
        for other in list(self.world.objects(place)):
            if other.endswith("/manifest.json"):
                named = key in self._named_by(place, other)
                require(not named, "I4", f"{key} at {place} is taken away, but {other} names it")

    def _named_by(self, place: str, manifest: ObjectKey) -> set[str]:
        read = self.copies.manifest_at(place, manifest) or {"objects": ()}
        return {stored["key"] for stored in read["objects"]}

    def _check_has_waited(self, place: str, key: ObjectKey) -> None:
        """What nothing names is left alone for longer than any run can take (I3)."""
        stood = [self.unnamed_since.get((place, key)), self.world.written.get((place, key))]
        since = max((at for at in stood if at is not None), default=None)
        # One that was lost, or moved aside, and written anew between two looks was there all the
        # time, as far as anybody saw; leases and intents are what keeps writers safe then.
        was_away = (place, key) in self.world.harmed | self.moved
        if since is None or was_away:
            return
        waited = self.world.time - since
        require(waited > LONGEST_RUN, "I3", f"{key} at {place} is taken away after {waited} only")

    def _check_prune(self, place: str, key: ObjectKey, *, is_ours: bool) -> None:
        backups = self.world.catalog.backups()
        backup = next((one for one in backups if one.id == _backup_of(key)), None)
        if backup is None:
            return
        for named in self._named_by(place, key):
            self.unnamed_since[place, ObjectKey(named)] = self.world.time
        copy = next((one for one in backup.copies if one.destination == place), None)
        require(copy is not None, "I4", f"{backup.id} at {place} is pruned without a tombstone")
        if copy is None:
            return
        require(copy.state.value == "pruning", "I4", f"{backup.id} at {place} has no tombstone")
        if copy.level is not None and copy.level >= Level.OBJECTS:
            self._check_newest(backup, place)
        spec = self.world.specs.get(str(backup.series.policy))
        require(spec is not None, "I7", f"{backup.id} was pruned: its policy is gone")
        if spec is not None:
            self._check_rules(backup, place, spec)
        hold = find_hold(self.world, place, key)
        is_held = backup.is_held(self.world.time) or hold is not None
        require(not is_held, "I8", f"{backup.id} at {place} was pruned though held ({hold})")
        self.world.pruned.add(str(backup.id))
        # What was decided before a freeze that outlasted the lease was right then.
        if is_ours:
            self._check_guards(backup, place, copy, spec)

    def begin_step(self) -> None:
        """Note whose removal has begun: it was measured then."""
        self.begun = {
            (backup.id, str(copy.destination))
            for backup in self.world.catalog.backups()
            for copy in backup.copies
            if copy.state.value == "pruning"
        }

    def _check_guards(self, backup: Backup, place: str, copy: Copy, spec: Spec | None) -> None:
        """Nothing goes while something is wrong, before its delay, or too much in a day (I8)."""
        name, now = f"{backup.id} at {place}", self.world.time
        series = [*self._series(backup), backup]
        answered = [one.snapshot_at for one in series if one.acknowledged is not None]
        # Whoever answered for one has seen what came before it.
        suspects = [
            one.id
            for one in series
            if one.is_suspicious and all(one.snapshot_at > at for at in answered)
        ]
        require(not suspects, "I8", f"{name} was pruned though {suspects[:1]} is suspicious")
        runs = [
            run for run in self.world.catalog.runs(backup.series) if run.finished_at is not None
        ]
        self._check_acknowledged(backup, name)
        if not runs:
            # The catalog was rebuilt since.
            self._check_measure(backup, place, name)
            return
        latest = max(runs, key=lambda run: run.fence)
        is_full = latest.error is not None and latest.error.code == "ORC-302"
        is_done = latest.state is RunState.INTERRUPTED and latest.backup is not None
        is_well = (
            latest.state is RunState.SUCCEEDED or is_done or is_full or self.world.clock_went_back
        )
        require(is_well, "I8", f"{name} was pruned though the latest attempt, {latest.id}, failed")
        waited = None if copy.expired_at is None else now - copy.expired_at
        is_ripe = spec is not None and waited is not None and waited >= spec.prune_delay
        require(is_ripe, "I8", f"{name} was pruned {waited} after it was marked as expired")
        self._check_measure(backup, place, name)

    def _check_acknowledged(self, backup: Backup, name: str) -> None:
        """Nothing goes before somebody acknowledged that the catalog was rebuilt (F73)."""
        waits = backup.series in self.unacknowledged
        require(not waits, "I8", f"{name} was pruned, but nobody acknowledged the rebuilt catalog")

    def forget_measures(self) -> None:
        """A rebuilt catalog knows no removals, and waits for a human with every series."""
        self.pruned.clear()
        self.unacknowledged = {backup.series for backup in self.world.catalog.backups()}

    def _check_measure(self, backup: Backup, place: str, name: str) -> None:
        if (backup.id, place) in self.begun:
            return
        now, key = self.world.time, (str(backup.series), place)
        gone = [at for at in self.pruned.get(key, []) if now - DAY < at <= now]
        self.pruned[key] = [*gone, now]
        taken = sum(now - DAY < at <= now for at in self.taken.get(key, []))
        allowed = sum(number for at, number in self.world.allowed if now - DAY < at <= now)
        most = taken + max(10, len(self._series(backup)) // 20) + allowed
        is_measured = len(gone) < most
        require(is_measured, "I8", f"{name} is the {len(gone) + 1}th one pruned within a day")

    def _series(self, backup: Backup) -> list[Backup]:
        return [one for one in self.world.catalog.backups(backup.series) if one.id != backup.id]

    def _check_newest(self, backup: Backup, place: str) -> None:
        """A newer verified copy lies there whole."""
        newer = [
            other
            for other in self._series(backup)
            if other.sequence > backup.sequence
            and any(
                copy.destination == place
                and copy.state is CopyState.COMPLETE
                and copy.level is not None
                and copy.level >= Level.OBJECTS
                for copy in other.copies
            )
        ]
        require(bool(newer), "I5", f"{backup.id}, the newest verified one at {place}, was pruned")

    def _check_rules(self, backup: Backup, place: str, spec: Spec) -> None:
        listed = [*self._series(backup), backup]
        listed.sort(key=lambda one: (one.snapshot_at, one.id))
        kept = list_kept(listed, place, spec, self.world.time)
        require(
            backup.id not in kept, "I6", f"{backup.id} at {place} was pruned, but a rule keeps it"
        )


def _backup_of(key: ObjectKey) -> str:
    return key.split("/backups/")[1].split("/")[0]
