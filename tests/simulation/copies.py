"""What the catalog says of backups, held against the bytes that lie at the places (I1-I3, I9).

Manifests and details are read with `json`, chunks with zstd: no code of the product.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from orchestrator.archive.zstd import ZstdDecompressor
from orchestrator.model.backup import Backup, CopyState
from orchestrator.model.names import BackupId, ObjectKey
from orchestrator.model.run import Run, RunState
from orchestrator.model.verification import Level
from tests.simulation.world import World

JUDGED_WITHIN = timedelta(minutes=5)


class ViolationError(AssertionError):
    """An invariant does not hold."""

    def __init__(self, invariant: str, what: str) -> None:
        super().__init__(f"{invariant}: {what}")
        self.invariant = invariant


def require(holds: bool, invariant: str, what: str) -> None:  # noqa: FBT001 - reads as an assertion
    if not holds:
        raise ViolationError(invariant, what)


@dataclass
class CopyChecks:
    """Remembers what was looked at already, so that each byte is hashed once."""

    world: World
    seen: dict[BackupId, Backup] = field(default_factory=dict)
    closed: set[str] = field(default_factory=set)
    digests: dict[tuple[str, ObjectKey], tuple[bytes, str]] = field(default_factory=dict)
    manifests: dict[bytes, dict[str, Any]] = field(default_factory=dict)

    def check(self) -> None:
        """Look at every backup that is listed, and closely at those that are new."""
        backups = self.world.catalog.backups()
        for backup in backups:
            for copy in backup.copies:
                if copy.state is CopyState.COMPLETE:
                    self._check_complete(backup, str(copy.destination))
                self._check_level(backup, copy)
        for backup in backups:
            if backup.id not in self.seen:
                self._check_new(backup)
                self.seen[backup.id] = backup
        for run in self.world.catalog.runs():
            if run.id not in self.closed and run.state is not RunState.RUNNING:
                self.closed.add(run.id)
                self._check_closed(run)

    def take_over(self, listed: Sequence[Backup]) -> None:
        """Begin with what a rebuilt catalog lists: no run of it is known."""
        self.seen = {backup.id: backup for backup in listed}
        self.closed = set()

    def objects_of(self, backup: Backup, place: str) -> Iterator[tuple[ObjectKey, str]]:
        """Yield keys and digests of all objects of a copy, the manifest first."""
        key = ObjectKey(f"{backup.path}/backups/{backup.id}/manifest.json")
        yield key, backup.manifest_digest
        if (place, key) in self.world.harm:
            return
        manifest = self.manifest_at(place, key)
        for stored in manifest["objects"] if manifest else ():
            yield stored["key"], stored["sha256"]

    def is_intact(self, backup: Backup, place: str) -> bool:
        """Whether every byte of a copy is there."""
        return all(
            self.digest_at(place, key) == digest for key, digest in self.objects_of(backup, place)
        )

    def manifest_at(self, place: str, key: ObjectKey) -> dict[str, Any] | None:
        data = self.world.objects(place).get(key)
        if data is None:
            return None
        if data not in self.manifests:
            try:
                self.manifests[data] = _read(data)
            except (KeyError, TypeError, ValueError):
                return None
        return self.manifests[data]

    def digest_at(self, place: str, key: ObjectKey) -> str | None:
        """The SHA-256 of an object, or None if it is not there."""
        data = self.world.objects(place).get(key)
        if data is None:
            return None
        known, digest = self.digests.get((place, key), (b"", ""))
        if known is not data:
            digest = sha256(data).hexdigest()
            self.digests[place, key] = (data, digest)
        return digest

    # ---------------------------------------------------------- one copy
    def _check_complete(self, backup: Backup, place: str) -> None:
        for key, digest in self.objects_of(backup, place):
            if (place, key) not in self.world.harm:
                require(
                    self.digest_at(place, key) == digest,
                    "I3",
                    f"{backup.id} is listed complete at {place}, but {key} is missing or wrong",
                )

    def _check_level(self, backup: Backup, copy: Any) -> None:  # noqa: ANN401 - a Copy
        if self.world.clock_went_back or copy.verified_at is None or copy.level is None:
            return
        place = str(copy.destination)
        if copy.state is not CopyState.COMPLETE:
            return
        for key, _ in self.objects_of(backup, place):
            harm = self.world.harm.get((place, key))
            seen = harm is not None and harm.at < copy.verified_at
            if seen and harm is not None and (harm.is_lost or copy.level >= Level.OBJECTS):
                what = f"{backup.id} at {place} counts as good, but {key} was damaged before"
                raise ViolationError("I1", what)

    # ---------------------------------------------------------- one backup
    def _check_new(self, backup: Backup) -> None:
        run = next(
            (run for run in self.world.catalog.runs(backup.series) if run.id == backup.run), None
        )
        require(run is not None, "I9", f"{backup.id} is of a run that was never started")
        for copy in backup.copies:
            place = str(copy.destination)
            key = ObjectKey(f"{backup.path}/backups/{backup.id}/manifest.json")
            require(
                (place, key) not in self.world.stale_manifests,
                "I9",
                f"{backup.id} at {place} was written under a stale fence, and is listed",
            )
            if self.is_intact(backup, place):
                self._check_content(backup, place)
        self._check_chain(backup)
        self._check_suspicion(backup)

    def _check_chain(self, backup: Backup) -> None:
        for other in self.seen.values():
            if other.series == backup.series:
                is_later = backup.sequence > other.sequence
                require(
                    is_later == (backup.fence > other.fence) and backup.sequence != other.sequence,
                    "I9",
                    f"{backup.id} and {other.id} do not follow each other in sequence and fence",
                )

    def _check_content(self, backup: Backup, place: str) -> None:
        """The rows of the copy are those of the source at the time of the snapshot."""
        truth = self.world.generations.get((str(backup.series.database), backup.snapshot_at))
        require(truth is not None, "I2", f"no snapshot was ever taken at {backup.snapshot_at}")
        objects = self.world.objects(place)
        details = json.loads(objects[ObjectKey(f"{backup.path}/backups/{backup.id}/details.json")])
        found = {table["name"]: list(_rows(table, objects)) for table in details["tables"]}
        wanted = {name.name: list(lines) for name, lines in (truth or {}).items()}
        require(found == wanted, "I2", f"{backup.id} at {place} holds other rows than its source")

    def _check_suspicion(self, backup: Backup) -> None:
        """An emptied table is suspicious; rows that only grew in number are not (F42)."""
        before = [
            other
            for other in self.world.catalog.backups(backup.series)
            if other.sequence < backup.sequence and not other.is_suspicious
        ]
        if not before:
            return
        newest = max(before, key=lambda other: other.sequence)
        if any(
            other.sequence > newest.sequence and other.id in self.world.pruned
            for other in self.seen.values()
            if other.series == backup.series
        ):
            # It may have been compared with one that is gone since.
            return
        began = backup.snapshot_at - JUDGED_WITHIN
        if any(began <= at <= backup.finished_at for at in self.world.place_errors):
            # The details of the newest one could not be read; an older one was asked.
            return
        if not any(self.is_intact(newest, str(copy.destination)) for copy in newest.copies):
            # Its tables cannot be read any more; the guards say that only totals were compared.
            return
        was, now = self._counts(newest), self._counts(backup)
        is_emptied = any(was[table] and not now.get(table) for table in was)
        is_grown = all(now.get(table, 0) >= was[table] for table in was)
        require(
            not (is_emptied and backup.suspicion is None),
            "F42",
            f"a table of {backup.id} was emptied since {newest.id}, and nobody is suspicious",
        )
        require(not (is_grown and backup.suspicion), "F42", f"{backup.id} is suspicious of growth")

    def _counts(self, backup: Backup) -> dict[str, int]:
        rows = self.world.generations[str(backup.series.database), backup.snapshot_at]
        return {str(name): len(lines) for name, lines in rows.items()}

    # ---------------------------------------------------------- one run
    def _check_closed(self, run: Run) -> None:
        if run.state is not RunState.SUCCEEDED:
            require(run.error is not None, "I10", f"{run.id} did not succeed, and says no cause")
            return
        backup = self.world.catalog.backup(run.backup) if run.backup else None
        is_there = backup is not None or run.backup in self.world.pruned
        require(is_there, "I1", f"{run.id} succeeded without a backup")
        spec = self.world.specs.get(str(run.series.policy))
        if backup is None or spec is None or run.revision != self.world.desired().revision.digest:
            return
        proved = {
            str(copy.destination)
            for copy in backup.copies
            if copy.level is not None and copy.level >= spec.level
        }
        missing = set(spec.places) - proved
        require(not missing, "I1", f"{run.id} succeeded, but nothing is proved at {missing}")


def _read(manifest: bytes) -> dict[str, Any]:
    """The manifest, if a flipped bit left it one."""
    read: dict[str, Any] = json.loads(manifest)
    objects = [{"key": one["key"], "sha256": one["sha256"]} for one in read["objects"]]
    return {"objects": objects}


def _rows(table: dict[str, Any], objects: dict[ObjectKey, bytes]) -> Iterator[bytes]:
    for chunk in table["chunks"]:
        yield from ZstdDecompressor().decompress(objects[chunk["key"]]).split(b"\n")[:-1]


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
