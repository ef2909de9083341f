"""Merging what lies at a destination into what the catalog knows of one series (design §6; F73, F74).

What the catalog does not know is recorded with the level that the listing proves, `stored`. What it
knows stays: nothing is replaced, no level falls unless the place contradicts it. So a catalog that
was lost, and an older one that was put back, end as the destination says, and a second merge
changes nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from orchestrator.archive.details import decode_details
from orchestrator.archive.layout import manifest_key
from orchestrator.archive.verification import damage_of_object
from orchestrator.errors import DamagedBackupError, ObjectMissingError, UnreadableManifestError
from orchestrator.execution.context import Execution
from orchestrator.execution.lease.hold_lease import hold_lease
from orchestrator.execution.rebuild.found_backups import FoundBackup, read_series
from orchestrator.execution.rebuild.report import SeriesReport, Trouble
from orchestrator.execution.stored_marks.learn_marks import record_marks
from orchestrator.model.backup import Backup, Copy, CopyState
from orchestrator.model.names import BackupId, DestinationName, Series
from orchestrator.model.run import LogAction, LogOutcome
from orchestrator.model.verification import Damage, Level, Verification
from orchestrator.ports.catalog import SeriesRecord
from orchestrator.ports.destination import DestinationReader


@dataclass(frozen=True, slots=True, kw_only=True)
class _Evidence:
    """What is now known of one copy: ``damage`` is empty if and only if ``level`` is proved."""

    level: Level
    damage: tuple[Damage, ...]


def merge_series(
    series: Series, path: str, source: DestinationReader, execution: Execution
) -> SeriesReport:
    """Record every backup of a series that lies at a destination, and what contradicts the catalog.

    The lease of the series is held meanwhile, so that no run of this catalog is in between.

    Raises:
        SeriesLockedError: a run is at work on the series.
        DestinationError: the destination cannot be read.
        CatalogError: the catalog cannot take it.
    """
    with hold_lease(series, execution.new_run_id(), execution):
        found = read_series(source, path, execution)
        known = {backup.id: backup for backup in execution.reader.backups(series)}
        return _Merge(series, path, source, execution).merge(found, known)


class _Merge:
    """One series of one destination, while its lease is ours."""

    def __init__(
        self, series: Series, path: str, source: DestinationReader, execution: Execution
    ) -> None:
        self._series = series
        self._path = path
        self._source = source
        self._execution = execution

    def merge(self, found: Sequence[FoundBackup], known: Mapping[BackupId, Backup]) -> SeriesReport:
        evidence = {
            item.id: _evidence_of(item, known.get(item.id))
            for item in found
            if not self._is_being_pruned(known.get(item.id))
        }
        new = [item for item in found if self._is_new(item, known.get(item.id))]
        alignment = self._alignment(new, known, evidence)
        self._record_series(new, alignment)
        self._record_found(new, evidence)
        self._record_marks(found)
        evidence |= self._missing(found, known)
        self._record_contradictions(known, evidence)
        return self._report(found, len(new), evidence)

    def _report(
        self, found: Sequence[FoundBackup], added: int, evidence: Mapping[BackupId, _Evidence]
    ) -> SeriesReport:
        damaged = {identifier: seen for identifier, seen in evidence.items() if seen.damage}
        readable = [item.id for item in found if item.backup is not None]
        return SeriesReport(
            series=self._series,
            path=self._path,
            found=len(readable),
            added=added,
            damaged=len(damaged.keys() & set(readable)),
            troubles=(
                *(_trouble_of(identifier, seen) for identifier, seen in damaged.items()),
                *(trouble for item in found for trouble in _troubles_of_marks(item)),
            ),
        )

    def _is_being_pruned(self, known: Backup | None) -> bool:
        """Whether a copy here is half gone on purpose, which no listing can contradict."""
        copy = None if known is None else _copy_at(known, self._source.name)
        return copy is not None and copy.state is CopyState.PRUNING

    def _is_new(self, item: FoundBackup, known: Backup | None) -> bool:
        if item.backup is None:
            return False
        return known is None or _copy_at(known, self._source.name) is None

    def _record_series(self, new: Sequence[FoundBackup], alignment: Mapping[str, int]) -> None:
        if not new:
            return
        record = SeriesRecord(series=self._series, path=self._path, blocks_per_chunk=alignment)
        self._execution.writer.record_series(record)

    def _record_found(
        self, new: Sequence[FoundBackup], evidence: Mapping[BackupId, _Evidence]
    ) -> None:
        if not new:
            return
        entry = self._execution.log_entry(
            LogAction.REBUILD,
            str(self._series),
            LogOutcome.SUCCEEDED,
            {"destination": self._source.name, "backups": str(len(new)), "path": self._path},
        )
        backups = [
            self._with_evidence(item.backup, evidence[item.id])
            for item in new
            if item.backup is not None
        ]
        self._execution.writer.record_found(self._series, backups, entry)

    def _with_evidence(self, backup: Backup, evidence: _Evidence) -> Backup:
        """Return a found backup as the catalog takes it: of this series, its copy as proved."""
        (copy,) = backup.copies
        if evidence.damage:
            copy = replace(
                copy,
                state=CopyState.DAMAGED,
                level=None,
                damage_level=evidence.level,
                trouble=_in_words(evidence.damage),
            )
        return replace(backup, series=self._series, copies=(copy,))

    def _alignment(
        self,
        new: Sequence[FoundBackup],
        known: Mapping[BackupId, Backup],
        evidence: dict[BackupId, _Evidence],
    ) -> Mapping[str, int]:
        """Return how the newest backup cut its tables, if the catalog does not know a newer one.

        Details that turn out damaged are evidence, too; then the next older backup is asked.
        """
        newest_known = max((backup.snapshot_at for backup in known.values()), default=None)
        for item in sorted(new, key=_snapshot_of, reverse=True):
            if newest_known is not None and _snapshot_of(item) < newest_known:
                break
            if item.details is None or evidence[item.id].damage:
                continue
            alignment, damage = self._read_alignment(item)
            if damage is None:
                return alignment
            evidence[item.id] = _Evidence(level=Level.CONTENT, damage=(damage,))
        return {}

    def _read_alignment(self, item: FoundBackup) -> tuple[Mapping[str, int], Damage | None]:
        stored = item.details
        if stored is None:
            return {}, None
        try:
            data = self._source.read(stored.key)
            damage = damage_of_object(stored, data)
            if damage is not None:
                return {}, damage
            tables = decode_details(data).tables
        except (ObjectMissingError, DamagedBackupError, UnreadableManifestError) as error:
            return {}, Damage(object_key=stored.key, what=error.what)
        return {str(data.table.name): data.table.blocks_per_chunk for data in tables}, None

    def _record_marks(self, found: Sequence[FoundBackup]) -> None:
        """Record every mark that the catalog does not know, those that were taken back included."""
        for item in found:
            if item.backup is not None and item.marks:
                backup = replace(item.backup, series=self._series)
                record_marks(backup, item.marks, self._execution)

    def _missing(
        self, found: Sequence[FoundBackup], known: Mapping[BackupId, Backup]
    ) -> Mapping[BackupId, _Evidence]:
        """Return the evidence against copies that the catalog lists and the place does not have."""
        there = {item.id for item in found}
        return {
            backup.id: _Evidence(
                level=Level.STORED,
                damage=(
                    Damage(object_key=manifest_key(self._path, backup.id), what="it is missing"),
                ),
            )
            for backup in known.values()
            if backup.id not in there
            and _copy_at(backup, self._source.name) is not None
            and not self._is_being_pruned(backup)
        }

    def _record_contradictions(
        self, known: Mapping[BackupId, Backup], evidence: Mapping[BackupId, _Evidence]
    ) -> None:
        for identifier, seen in evidence.items():
            backup = known.get(identifier)
            copy = None if backup is None else _copy_at(backup, self._source.name)
            if backup is not None and copy is not None and _contradicts(seen, copy):
                self._record_verification(backup, seen)

    def _record_verification(self, backup: Backup, seen: _Evidence) -> None:
        execution, place = self._execution, self._source.name
        verification = Verification(
            backup=backup.id,
            destination=place,
            level=seen.level,
            at=execution.clock.now(),
            objects=0,
            stored_bytes=0,
            damage=seen.damage,
        )
        detail = {"backup": str(backup.id), "destination": str(place), "level": seen.level.label}
        if seen.damage:
            detail["damage"] = _in_words(seen.damage)
        outcome = LogOutcome.SUCCEEDED if verification.passed else LogOutcome.FAILED
        entry = execution.log_entry(LogAction.VERIFY, str(self._series), outcome, detail)
        execution.writer.record_verification(verification, entry)


def _evidence_of(item: FoundBackup, known: Backup | None) -> _Evidence:
    damage = item.damage
    if known is not None and item.backup is not None and item.digest != known.manifest_digest:
        what = "it is not the manifest that the catalog remembers"
        damage = (Damage(object_key=item.key, what=what), *damage)
    return _Evidence(level=Level.STORED, damage=damage)


def _snapshot_of(item: FoundBackup) -> datetime:
    return item.backup.snapshot_at if item.backup else datetime.min.replace(tzinfo=UTC)


def _contradicts(seen: _Evidence, copy: Copy) -> bool:
    """Whether what was seen changes what is known of a copy; what merely repeats it does not."""
    if seen.damage:
        return copy.state is CopyState.COMPLETE
    return copy.state is CopyState.DAMAGED and copy.damage_level is Level.STORED


def _copy_at(backup: Backup, place: DestinationName) -> Copy | None:
    return next((copy for copy in backup.copies if copy.destination == place), None)


def _in_words(damage: Sequence[Damage]) -> str:
    first, *others = damage
    return f"{first} (and {len(others)} more)" if others else str(first)


def _trouble_of(identifier: BackupId, seen: _Evidence) -> Trouble:
    return Trouble(
        subject=identifier,
        what=_in_words(seen.damage),
        next_step="leave it where it is: another copy may be whole, or a newer program may read it",
    )


def _troubles_of_marks(item: FoundBackup) -> Sequence[Trouble]:
    return [
        Trouble(
            subject=item.id,
            what=f"it counts as suspicious: {what}",
            next_step=f"look at it, then `orchestrator acknowledge {item.id} --reason …`",
        )
        for what in item.unreadable_marks
    ]
