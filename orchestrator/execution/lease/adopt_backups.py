"""Adopting backups that a dead run completed without telling the catalog (design §7; F05, F06).

The destinations are the truth: a manifest is what makes a backup. One is adopted only if it was
written under the very fence that is being taken over and everything that it names is there.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from orchestrator.archive.layout import backups_prefix, manifest_key, possible_paths
from orchestrator.archive.manifest import decode_manifest, digest_of
from orchestrator.archive.verification import damage_of_size
from orchestrator.errors import ObjectMissingError, UnreadableManifestError
from orchestrator.execution.attach_destination import open_if_attached
from orchestrator.execution.context import Execution
from orchestrator.execution.lease.strangers import Stranger, note_strangers
from orchestrator.execution.stored_marks.read_marks import read_marks
from orchestrator.model.backup import Backup, Copy, CopyState
from orchestrator.model.lease import Lease
from orchestrator.model.manifest import Manifest
from orchestrator.model.names import BackupId, DestinationName, Series
from orchestrator.model.run import LogAction, LogOutcome
from orchestrator.model.verification import Level
from orchestrator.ports.destination import Destination, DestinationReader


@dataclass(frozen=True, slots=True, kw_only=True)
class Adoption:
    """Which backups were adopted, and why others were not."""

    adopted: tuple[BackupId, ...] = ()
    refused: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundManifest:
    """A manifest as it lies at a destination; ``manifest`` None with the reason in ``trouble``."""

    backup: BackupId
    destination: DestinationReader
    digest: str
    manifest: Manifest | None
    trouble: str


def adopt_completed(abandoned: Lease, execution: Execution) -> Adoption:
    """Record every complete backup that was written under a lease and is not in the catalog.

    Each is recorded once, with all places where it is complete: whatever breaks off an adoption,
    the next one finds the same. What is not adopted now never will be, and is noted in the log.

    Raises:
        DestinationError: a destination cannot be looked at, so nobody can know what is complete.
    """
    complete: dict[tuple[BackupId, str], list[FoundManifest]] = {}
    strangers: list[Stranger] = []
    for destination in places_of(abandoned.series, execution):
        for found in unlisted_manifests(abandoned.series, destination, execution):
            trouble = found.trouble or _why_not(found, abandoned, destination)
            if trouble:
                strangers.append(Stranger(found.backup, destination.name, trouble))
            else:
                complete.setdefault((found.backup, found.digest), []).append(found)
    for copies in complete.values():
        _record(abandoned.series, copies, execution)
    note_strangers(abandoned.series, strangers, execution)
    return Adoption(
        adopted=tuple(backup for backup, _ in complete),
        refused=tuple(stranger.sentence for stranger in strangers),
    )


def series_path_of(series: Series, execution: Execution) -> str:
    """Return the path of a series at every destination: the one recorded, or its first.

    A series that was renamed keeps its path, so that another one of its former name gets the next.
    """
    records = execution.reader.series_records()
    for record in records:
        if record.series == series:
            return record.path
    taken = {record.path for record in records}
    return next(path for path in possible_paths(series) if path not in taken)


def places_of(series: Series, execution: Execution) -> Iterator[Destination]:
    """Yield the places where backups of a series may lie; nobody knows which, once it is retired.

    Raises:
        DestinationError: one of them cannot be opened, or is not ours.
    """
    policy = execution.desired.policies.get(series.policy)
    for name in policy.destinations if policy else sorted(execution.desired.destinations):
        destination = open_if_attached(name, execution)
        if destination is not None:
            # To any other nothing was ever written on behalf of this catalog.
            yield destination


def backup_of(
    manifest: Manifest, digest: str, *, at: datetime, destinations: tuple[DestinationName, ...]
) -> Backup:
    """Return the backup that a complete manifest makes, its copies proved to be stored."""
    return Backup(
        id=manifest.backup,
        series=manifest.series,
        path=manifest.path,
        run=manifest.run,
        snapshot_at=manifest.snapshot_at,
        finished_at=manifest.finished_at,
        reason=manifest.reason,
        sequence=manifest.sequence,
        fence=manifest.fence,
        revision=manifest.revision,
        git_commit=manifest.git_commit,
        manifest_digest=digest,
        tables=manifest.totals.get("tables", 0),
        rows=manifest.totals.get("rows", 0),
        text_bytes=manifest.totals.get("text_bytes", 0),
        stored_bytes=manifest.totals.get("stored_bytes", 0),
        new_bytes=manifest.totals.get("new_bytes", 0),
        copies=tuple(
            Copy(destination=name, state=CopyState.COMPLETE, level=Level.STORED, verified_at=at)
            for name in destinations
        ),
    )


def missing_objects(manifest: Manifest, destination: DestinationReader) -> Iterator[str]:
    """Yield, in words, every object of a manifest that is not at a destination with its size."""
    for stored in manifest.objects:
        info = destination.stat(stored.key)
        damage = damage_of_size(stored, None if info is None else info.size)
        if damage is not None:
            yield str(damage)


def unlisted_manifests(
    series: Series, destination: DestinationReader, execution: Execution
) -> Iterator[FoundManifest]:
    """Yield every manifest of a series at a destination that the catalog does not list there.

    Raises:
        DestinationError: the destination cannot be read.
    """
    path = series_path_of(series, execution)
    prefix = backups_prefix(path)
    listed = {
        backup.id
        for backup in execution.reader.backups(series)
        if any(copy.destination == destination.name for copy in backup.copies)
    }
    for info in destination.list(prefix):
        backup = BackupId(info.key.removeprefix(prefix).split("/")[0])
        if info.key == manifest_key(path, backup) and backup not in listed:
            yield _read_manifest(backup, path, destination)


def _read_manifest(backup: BackupId, path: str, destination: DestinationReader) -> FoundManifest:
    key, digest, manifest, trouble = manifest_key(path, backup), "", None, ""
    try:
        data = destination.read(key)
        digest, manifest = digest_of(data), decode_manifest(data, key=key)
    except (ObjectMissingError, UnreadableManifestError) as error:
        trouble = error.what
    return FoundManifest(
        backup=backup, destination=destination, digest=digest, manifest=manifest, trouble=trouble
    )


def _why_not(found: FoundManifest, abandoned: Lease, destination: DestinationReader) -> str | None:
    manifest = found.manifest
    if manifest is None:
        return "its manifest cannot be read"
    if manifest.fence != abandoned.fence or manifest.run != abandoned.run:
        return f"it was written under fence {manifest.fence}, not {abandoned.fence}"
    if manifest.series.database != abandoned.series.database:
        # The policy may have been renamed since: the run and the path are still its own.
        return f"its manifest is of {manifest.series}"
    return next(missing_objects(manifest, destination), None)


def _record(series: Series, copies: Sequence[FoundManifest], execution: Execution) -> None:
    """Tell the catalog of one backup and all its complete copies, in one transaction."""
    at, first = execution.clock.now(), copies[0]
    if first.manifest is None:
        return
    manifest, names = first.manifest, tuple(copy.destination.name for copy in copies)
    found = backup_of(manifest, first.digest, at=at, destinations=names)
    backup = replace(found, series=series)
    marks = (mark for copy in copies for mark in read_marks(backup, copy.destination, at=at))
    execution.writer.record_backup(
        backup.marked(tuple(dict.fromkeys(marks))),
        execution.log_entry(
            LogAction.ADOPT,
            str(series),
            LogOutcome.SUCCEEDED,
            {"backup": manifest.backup, "destination": ", ".join(names), "run": manifest.run},
        ),
    )
