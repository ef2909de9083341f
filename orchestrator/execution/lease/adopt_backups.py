"""Adopting backups that a dead run completed without telling the catalog (design §7; F05, F06).

The destinations are the truth: a manifest is what makes a backup. One is adopted only if it was
written under the very fence that is being taken over and everything that it names is there.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from orchestrator.archive.layout import backups_prefix, manifest_key, series_path
from orchestrator.archive.manifest import decode_manifest, digest_of
from orchestrator.errors import ObjectMissingError, UnreadableManifestError
from orchestrator.execution.attach_destination import open_if_attached
from orchestrator.execution.context import Execution
from orchestrator.execution.marks.read_marks import read_marks
from orchestrator.model.backup import Backup, Copy, CopyState
from orchestrator.model.lease import Lease
from orchestrator.model.manifest import Manifest
from orchestrator.model.names import BackupId, DestinationName, Series
from orchestrator.model.run import LogAction, LogOutcome
from orchestrator.model.verification import Level
from orchestrator.ports.destination import DestinationReader


@dataclass(frozen=True, slots=True, kw_only=True)
class Adoption:
    """Which backups were adopted, and why others were not."""

    adopted: tuple[BackupId, ...] = ()
    refused: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """A manifest as it lies at a destination; ``manifest`` None with the reason in ``trouble``."""

    backup: BackupId
    digest: str
    manifest: Manifest | None
    trouble: str


def adopt_completed(abandoned: Lease, execution: Execution) -> Adoption:
    """Record every complete backup that was written under a lease and is not in the catalog.

    Raises:
        DestinationError: a destination cannot be looked at, so nobody can know what is complete.
    """
    adopted: list[BackupId] = []
    refused: list[str] = []
    for name in execution.policy_of(abandoned.series).destinations:
        destination = open_if_attached(name, execution)
        if destination is None:
            # Nothing was ever written there on behalf of this catalog.
            continue
        for found in _unknown_manifests(abandoned.series, destination, execution):
            trouble = found.trouble or _why_not(found, abandoned, destination)
            if trouble or found.manifest is None:
                refused.append(f"{found.backup} at {name} was not adopted: {trouble}")
                continue
            _record(found.manifest, found.digest, destination, execution)
            adopted.append(found.backup)
    return Adoption(adopted=tuple(adopted), refused=tuple(refused))


def series_path_of(series: Series, execution: Execution) -> str:
    """Return the path of a series at every destination: the one recorded, or its first."""
    for record in execution.reader.series_records():
        if record.series == series:
            return record.path
    return series_path(series)


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
        if info is None:
            yield f"{stored.key} is missing"
        elif info.size != stored.size:
            yield f"{stored.key} has {info.size} bytes instead of {stored.size}"


def _unknown_manifests(
    series: Series, destination: DestinationReader, execution: Execution
) -> Iterator[_Found]:
    path = series_path_of(series, execution)
    prefix = backups_prefix(path)
    for info in destination.list(prefix):
        backup = BackupId(info.key.removeprefix(prefix).split("/")[0])
        if info.key == manifest_key(path, backup) and execution.reader.backup(backup) is None:
            yield _read_manifest(backup, path, destination)


def _read_manifest(backup: BackupId, path: str, destination: DestinationReader) -> _Found:
    key = manifest_key(path, backup)
    try:
        data = destination.read(key)
        manifest = decode_manifest(data, key=key)
        return _Found(backup=backup, digest=digest_of(data), manifest=manifest, trouble="")
    except (ObjectMissingError, UnreadableManifestError) as error:
        return _Found(backup=backup, digest="", manifest=None, trouble=error.what)


def _why_not(found: _Found, abandoned: Lease, destination: DestinationReader) -> str | None:
    manifest = found.manifest
    if manifest is None:
        return "its manifest cannot be read"
    if manifest.fence != abandoned.fence or manifest.run != abandoned.run:
        return f"it was written under fence {manifest.fence}, not {abandoned.fence}"
    if manifest.series != abandoned.series:
        return f"its manifest is of {manifest.series}"
    return next(missing_objects(manifest, destination), None)


def _record(
    manifest: Manifest, digest: str, destination: DestinationReader, execution: Execution
) -> None:
    at, name = execution.clock.now(), destination.name
    backup = backup_of(manifest, digest, at=at, destinations=(name,))
    execution.writer.record_backup(
        backup.marked(read_marks(backup, destination, at=at)),
        execution.log_entry(
            LogAction.ADOPT,
            str(manifest.series),
            LogOutcome.SUCCEEDED,
            {"backup": manifest.backup, "destination": name, "run": manifest.run},
        ),
    )
