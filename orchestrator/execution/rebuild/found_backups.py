"""The backups that lie at a destination, as their manifests and one listing show them.

Nothing here believes more than it sees: a manifest is decoded strictly and only under its own key
(S21), and its objects count only with their sizes. Bytes are not read, so nothing is proved beyond
level `stored`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

from orchestrator.archive.layout import manifest_key, marks_prefix, parse_manifest_key
from orchestrator.archive.manifest import decode_manifest, digest_of
from orchestrator.archive.verification import damage_of_size
from orchestrator.errors import (
    DestinationError,
    DestinationUnreachableError,
    ObjectMissingError,
    UnreadableManifestError,
)
from orchestrator.execution.context import Execution
from orchestrator.execution.lease.adopt_backups import backup_of
from orchestrator.execution.lease.older_catalog import has_numbers_beyond_any_catalog
from orchestrator.execution.stored_marks.read_marks import read_marks
from orchestrator.model.backup import Backup
from orchestrator.model.manifest import Manifest, ObjectRole, StoredObject
from orchestrator.model.marks import Mark, Suspicion
from orchestrator.model.names import BackupId, ObjectKey, Series
from orchestrator.model.verification import Damage
from orchestrator.ports.destination import DestinationReader
from orchestrator.ports.progress import Step

READERS = 8
"""Manifests read at once: reading waits for a disk or a network, not for a processor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundBackup:
    """What lies under the key of one manifest.

    ``backup`` is None if the manifest cannot be read; else it has its one copy at this destination,
    as if complete, and its marks. ``damage`` is what is missing or wrong; ``failure`` is why the
    place would not let the manifest be read, which says nothing about the backup.
    """

    id: BackupId
    key: ObjectKey
    digest: str = ""
    backup: Backup | None = None
    details: StoredObject | None = None
    damage: tuple[Damage, ...] = ()
    marks: tuple[Mark, ...] = ()
    unreadable_marks: tuple[str, ...] = ()
    failure: DestinationError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    """One series being read: every object below its path with its size, in bytes."""

    source: DestinationReader
    path: str
    sizes: Mapping[ObjectKey, int]
    marked: frozenset[BackupId]
    at: datetime
    step: Step
    execution: Execution


def find_series_paths(source: DestinationReader) -> Mapping[str, Sequence[BackupId]]:
    """Return the path of every series that has a manifest, with the ids of its backups, oldest first.

    Raises:
        DestinationError: the destination cannot be listed.
    """
    paths: dict[str, list[BackupId]] = {}
    for info in source.list(""):
        parsed = parse_manifest_key(info.key)
        if parsed is not None:
            paths.setdefault(parsed[0], []).append(parsed[1])
    return paths


def read_series(
    source: DestinationReader, path: str, execution: Execution
) -> Sequence[FoundBackup]:
    """Return everything that has the key of a manifest below a series' path, oldest first.

    Lists once and reads several manifests at a time; of each only what the catalog needs is kept.

    Raises:
        DestinationError: the destination cannot be listed, cannot be reached any more, or lets no
            manifest of the series be read.
        InterruptedRunError: somebody asked us to stop.
    """
    sizes = {info.key: info.size for info in source.list(f"{path}/")}
    keys = [(key, parsed[1]) for key in sizes if (parsed := parse_manifest_key(key))]
    step = execution.progress.started(f"reading manifests of {path} at {source.name}", None)
    reading = _Reading(
        source=source,
        path=path,
        sizes=sizes,
        marked=_ids_with_marks(path, sizes, (backup for _, backup in keys)),
        at=execution.clock.now(),
        step=step,
        execution=execution,
    )
    try:
        found = _read_all(keys, reading)
    finally:
        step.finished()
    _refuse_if_nothing_could_be_read(found)
    return found


def series_named_at(
    source: DestinationReader, path: str, backups: Sequence[BackupId]
) -> Series | None:
    """Return the series that the newest readable manifest of a path names, or None without any.

    A series that was renamed keeps its path, so that older manifests there may say another name.
    """
    for backup in reversed(backups):
        key = manifest_key(path, backup)
        try:
            return decode_manifest(source.read(key), key=key).series
        except DestinationUnreachableError:
            raise
        except (DestinationError, UnreadableManifestError):
            continue
    return None


def _read_all(
    keys: Sequence[tuple[ObjectKey, BackupId]], reading: _Reading
) -> Sequence[FoundBackup]:
    with ThreadPoolExecutor(READERS, thread_name_prefix="rebuild") as pool:
        try:
            futures = [pool.submit(_read, key, backup, reading) for key, backup in keys]
            return [future.result() for future in futures]
        finally:
            pool.shutdown(cancel_futures=True)


def _read(key: ObjectKey, backup: BackupId, reading: _Reading) -> FoundBackup:
    reading.execution.interruption.check()
    try:
        data = reading.source.read(key)
        manifest = decode_manifest(data, key=key)
    except (ObjectMissingError, UnreadableManifestError) as error:
        return _unreadable(backup, key, error.what)
    except DestinationUnreachableError:
        raise
    except DestinationError as error:
        what = f"it could not be read: {error.what}"
        return FoundBackup(
            id=backup, key=key, damage=(Damage(object_key=key, what=what),), failure=error
        )
    reading.step.advanced(len(data))
    if has_numbers_beyond_any_catalog(manifest):
        return _unreadable(backup, key, "its numbers are too large for any catalog")
    return _found(key, manifest, digest_of(data), reading)


def _found(key: ObjectKey, manifest: Manifest, digest: str, reading: _Reading) -> FoundBackup:
    backup = backup_of(manifest, digest, at=reading.at, destinations=(reading.source.name,))
    is_marked = backup.id in reading.marked
    marks = read_marks(backup, reading.source, at=reading.at) if is_marked else ()
    details = [stored for stored in manifest.objects if stored.role is ObjectRole.DETAILS]
    return FoundBackup(
        id=manifest.backup,
        key=key,
        digest=digest,
        backup=backup.marked(marks),
        details=details[0] if details else None,
        damage=tuple(_damage_of_sizes(manifest.objects, reading.sizes)),
        marks=marks,
        unreadable_marks=_unreadable_marks(marks, reading.at),
    )


def _damage_of_sizes(
    objects: Iterable[StoredObject], sizes: Mapping[ObjectKey, int]
) -> Iterator[Damage]:
    for stored in objects:
        damage = damage_of_size(stored, sizes.get(stored.key))
        if damage is not None:
            yield damage


def _ids_with_marks(
    path: str, keys: Iterable[ObjectKey], backups: Iterable[BackupId]
) -> frozenset[BackupId]:
    prefixes = {marks_prefix(path, backup): backup for backup in backups}
    folders = {key[: key.rfind("/") + 1] for key in keys}
    return frozenset(prefixes[folder] for folder in folders if folder in prefixes)


def _unreadable_marks(marks: Sequence[Mark], at: datetime) -> tuple[str, ...]:
    """Return why marks could not be read: `read_marks` makes them a suspicion of this very time."""
    suspicions = (mark for mark in marks if isinstance(mark, Suspicion) and mark.at == at)
    return tuple(reason for suspicion in suspicions for reason in suspicion.reasons)


def _unreadable(backup: BackupId, key: ObjectKey, what: str) -> FoundBackup:
    return FoundBackup(id=backup, key=key, damage=(Damage(object_key=key, what=what),))


def _refuse_if_nothing_could_be_read(found: Sequence[FoundBackup]) -> None:
    """A place that lets nothing be read would otherwise look like a place of damaged backups."""
    failures = [item.failure for item in found if item.failure is not None]
    if failures and all(item.backup is None for item in found):
        raise failures[0]
