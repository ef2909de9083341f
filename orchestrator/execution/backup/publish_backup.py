"""The end of a backup: schema, globals, details, the check that all is there, and the manifest.

Only the manifest makes a backup (design §6). It is written last, create-only, by a holder whose
fence was checked just before, and the catalog learns of it afterwards.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

from orchestrator import __version__
from orchestrator.archive.details import encode_details
from orchestrator.archive.layout import (
    details_key,
    globals_key,
    manifest_key,
    mark_key,
    schema_key,
)
from orchestrator.archive.manifest import digest_of, encode_manifest
from orchestrator.archive.marks import encode_mark
from orchestrator.archive.ranges import check_ranges
from orchestrator.archive.verification import totals_of
from orchestrator.errors import DamagedBackupError, IncompleteStreamError, LeaseLostError
from orchestrator.execution.backup.read_snapshot import ReadSnapshot
from orchestrator.execution.backup.record_run import Attempt
from orchestrator.execution.lease.adopt_backups import (
    adopt_completed,
    backup_of,
    missing_objects,
)
from orchestrator.execution.lease.older_catalog import sequence_of
from orchestrator.model.backup import Backup
from orchestrator.model.contents import Details
from orchestrator.model.manifest import Manifest, ManifestSource, ObjectRole, StoredObject
from orchestrator.model.marks import Suspicion
from orchestrator.model.names import BackupId, ObjectKey, format_identifier
from orchestrator.model.run import LogAction, LogOutcome
from orchestrator.ports.destination import Destination

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Part:
    """An object of the backup that is no chunk, before it is stored."""

    key: ObjectKey
    role: ObjectRole
    data: bytes

    @property
    def stored(self) -> StoredObject:
        return StoredObject(
            key=self.key,
            role=self.role,
            size=len(self.data),
            sha256=sha256(self.data).hexdigest(),
        )


def store_parts(
    read: ReadSnapshot, attempt: Attempt, *, path: str, destinations: Sequence[Destination]
) -> Manifest:
    """Store schema, globals and details, and return the manifest of the backup, not yet written.

    Raises:
        IncompleteStreamError: the ranges of a table leave a gap.
        DamagedBackupError: an object is not at a destination with its size.
        LeaseLostError: before anything is written.
    """
    _refuse_gaps(read.details)
    random_part = attempt.execution.machine.random_hex(6)
    backup = BackupId(format_identifier(read.details.snapshot_at, random_part))
    parts = (
        _Part(schema_key(path, backup), ObjectRole.SCHEMA, read.schema),
        _Part(globals_key(path, backup), ObjectRole.GLOBALS, read.globals),
        _Part(details_key(path, backup), ObjectRole.DETAILS, encode_details(read.details)),
    )
    for destination in destinations:
        for part in parts:
            attempt.held.check()
            destination.create(part.key, part.data)
    manifest = _manifest(backup, read, attempt, path=path, parts=parts)
    for destination in destinations:
        _refuse_missing(manifest, destination)
    return manifest


def publish(
    manifest: Manifest,
    attempt: Attempt,
    destinations: Sequence[Destination],
    suspicion: Suspicion | None,
) -> Backup:
    """Write the manifest everywhere, and tell the catalog.

    A suspicion is written before the first manifest: where there is a manifest, no crash can have
    lost what was found suspicious about it.

    If something goes wrong in between, the manifest may lie there without the catalog knowing:
    it is looked for at once, and if even that fails, the lease is left to run out, so that
    whoever takes over adopts it. So it is if we slept past the end of our lease.

    Raises:
        LeaseLostError: another run took over, and what we write after that is not adopted; or our
            time ran out, and whoever takes over adopts what is complete.
    """
    data = encode_manifest(manifest)
    try:
        if suspicion is not None:
            _write_suspicion(suspicion, manifest, attempt, destinations)
        for destination in destinations:
            _note_named(manifest, destination, attempt)
            attempt.held.check()
            destination.create(manifest_key(manifest.path, manifest.backup), data)
        attempt.held.check()
        backup = _backup_of(manifest, digest_of(data), attempt, destinations)
        return _record(replace(backup, suspicion=suspicion), attempt)
    except LeaseLostError:
        # If our time only ran out, whoever takes over adopts what is complete under our fence.
        attempt.held.abandon()
        raise
    except BaseException:
        _adopt_or_abandon(attempt)
        raise


def _write_suspicion(
    suspicion: Suspicion,
    manifest: Manifest,
    attempt: Attempt,
    destinations: Sequence[Destination],
) -> None:
    data = encode_mark(suspicion, manifest.backup)
    for destination in destinations:
        attempt.held.check()
        destination.create(mark_key(manifest.path, manifest.backup, suspicion), data)


def _note_named(manifest: Manifest, destination: Destination, attempt: Attempt) -> None:
    """Let what nothing named until now wait its whole time anew, should that be so again.

    No collection may look at it between this backup and its removal (found by the simulator, seed
    137 at 38009b7: a chunk was taken away as soon as the backup was gone that had used it again).
    """
    series, named = attempt.run.series, {stored.key for stored in manifest.objects}
    execution = attempt.execution
    noted = execution.reader.unreferenced(series, destination.name).keys()
    if noted & named:
        execution.writer.record_unreferenced(
            series, destination.name, sorted(noted - named), at=execution.clock.now()
        )


def _backup_of(
    manifest: Manifest, digest: str, attempt: Attempt, destinations: Sequence[Destination]
) -> Backup:
    return backup_of(
        manifest,
        digest,
        at=attempt.execution.clock.now(),
        destinations=tuple(destination.name for destination in destinations),
    )


def _record(backup: Backup, attempt: Attempt) -> Backup:
    execution = attempt.execution
    detail = {"run": str(backup.run), "backup": str(backup.id)}
    if backup.suspicion is not None:
        detail["suspicious"] = "; ".join(backup.suspicion.reasons)
    entry = execution.log_entry(LogAction.STORE, str(backup.series), LogOutcome.SUCCEEDED, detail)
    execution.writer.record_backup(backup, entry)
    attempt.published = backup.id
    return backup


def _adopt_or_abandon(attempt: Attempt) -> None:
    try:
        adoption = adopt_completed(attempt.held.lease, attempt.execution)
    except BaseException as second:
        attempt.held.abandon()
        _log.warning("lease_left_for_recovery", extra={"run": attempt.run.id})
        _log.debug("lease_left_for_recovery: %s", second, exc_info=second)
        if not isinstance(second, Exception):
            raise
        return
    if adoption.adopted:
        attempt.published = adoption.adopted[0]


def _manifest(
    backup: BackupId,
    read: ReadSnapshot,
    attempt: Attempt,
    *,
    path: str,
    parts: Sequence[_Part],
) -> Manifest:
    run, details, execution = attempt.run, read.details, attempt.execution
    newest = max(
        execution.reader.backups(run.series), key=lambda known: known.sequence, default=None
    )
    revision = execution.desired.revision
    objects = (*_chunk_objects(details), *(part.stored for part in parts))
    return Manifest(
        backup=backup,
        series=run.series,
        path=path,
        run=run.id,
        snapshot_at=details.snapshot_at,
        finished_at=execution.clock.now(),
        reason=run.reason,
        revision=revision.digest,
        git_commit=revision.git_commit,
        source=_source(details, execution.policy_of(run.series).source.engine),
        sequence=_next_sequence(newest, attempt),
        fence=run.fence,
        previous_digest=_previous_digest(newest, attempt),
        totals={
            **totals_of(details),
            "stored_bytes": sum(stored.size for stored in objects),
            "new_bytes": read.new_bytes + sum(len(part.data) for part in parts),
        },
        objects=objects,
        written_by=f"orchestrator {__version__}",
    )


def _next_sequence(newest: Backup | None, attempt: Attempt) -> int:
    """Return a number that no backup of the series ever had, pruned ones included.

    After a clock was set back the backup with the highest number may be pruned before others.
    """
    runs = attempt.execution.reader.runs(attempt.run.series)
    published = {run.backup for run in runs if run.backup is not None}
    beyond = sequence_of(attempt.newer) if attempt.newer else 0
    return max(newest.sequence if newest else 0, len(published), beyond) + 1


def _previous_digest(newest: Backup | None, attempt: Attempt) -> str | None:
    """Return what this backup follows: the newest one, also if only another catalog knows it."""
    newer = attempt.newer
    if newer is not None and (newest is None or sequence_of(newer) > newest.sequence):
        return newer.digest
    return newest.manifest_digest if newest else None


def _source(details: Details, engine: str) -> ManifestSource:
    return ManifestSource(
        engine=engine,
        system_identifier=details.identity.system_identifier,
        database_oid=details.identity.database_oid,
        server_version=details.identity.version,
    )


def _chunk_objects(details: Details) -> Sequence[StoredObject]:
    """Return each distinct chunk once: equal ranges share one."""
    objects = {
        chunk.key: StoredObject(
            key=chunk.key,
            role=ObjectRole.CHUNK,
            size=chunk.stored_bytes,
            sha256=chunk.sha256,
        )
        for chunk in details.chunks
    }
    return tuple(objects.values())


def _refuse_gaps(details: Details) -> None:
    subjects = [(str(data.table.name), data.chunks) for data in details.tables]
    if details.large_object_chunks:
        subjects.append(("large objects", details.large_object_chunks))
    for subject, chunks in subjects:
        gap = check_ranges(chunks)
        if gap is not None:
            raise IncompleteStreamError(
                f"the ranges of {subject} leave a gap: {gap}",
                next_step="run `orchestrator apply` again; if it happens again, report it",
            )


def _refuse_missing(manifest: Manifest, destination: Destination) -> None:
    missing = next(missing_objects(manifest, destination), None)
    if missing is not None:
        raise DamagedBackupError(
            f"the backup at {destination.name} is not complete: {missing}",
            next_step="see what else writes to that place, then run `orchestrator apply` again",
        )
