"""What is wrong with one copy of a backup, found by reading it (design §8; faults F57-F60)."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from orchestrator.archive.details import decode_details
from orchestrator.archive.layout import RESTORE_KEY, manifest_key
from orchestrator.archive.manifest import decode_manifest, digest_of
from orchestrator.archive.restore_instructions import restore_instructions_are_intact
from orchestrator.archive.verification import (
    damage_of_chunk_content,
    damage_of_details,
    damage_of_object,
    damage_of_size,
)
from orchestrator.errors import DamagedBackupError, ObjectMissingError, UnreadableManifestError
from orchestrator.model.backup import Backup
from orchestrator.model.contents import Chunk, Details
from orchestrator.model.manifest import Manifest, ObjectRole, StoredObject
from orchestrator.model.names import ObjectKey
from orchestrator.model.verification import Damage, Level
from orchestrator.ports.destination import DestinationReader
from orchestrator.ports.progress import Step


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyReading:
    """One copy being read, a few objects at a time; ``check`` is called before each object."""

    source: DestinationReader
    workers: int
    step: Step
    check: Callable[[], None]


def examine_copy(
    backup: Backup, level: Level, reading: CopyReading
) -> tuple[Manifest | None, Sequence[Damage]]:
    """Read a copy up to a level (`content` at most), and return its manifest and all damage.

    Raises:
        DestinationError: the destination cannot be read, which says nothing about the copy.
    """
    manifest, damage = _read_manifest(backup, reading)
    if manifest is None:
        return None, damage
    return manifest, _damage_of(manifest, level, reading)


def examine_instructions(level: Level, reading: CopyReading) -> Sequence[Damage]:
    """Return what is wrong with RESTORE.md; like every object it is read from `objects` on.

    Raises:
        DestinationError: the destination cannot be read.
    """
    if level is Level.STORED:
        is_there = reading.source.stat(RESTORE_KEY) is not None
        return () if is_there else [Damage(object_key=RESTORE_KEY, what="it is missing")]
    try:
        data = reading.source.read(RESTORE_KEY)
    except ObjectMissingError:
        return [Damage(object_key=RESTORE_KEY, what="it is missing")]
    if restore_instructions_are_intact(data):
        return ()
    return [Damage(object_key=RESTORE_KEY, what="it was changed")]


def _read_manifest(
    backup: Backup, reading: CopyReading
) -> tuple[Manifest | None, Sequence[Damage]]:
    """Return the manifest that the catalog remembers, or what is wrong with the one there."""
    key = manifest_key(backup.path, backup.id)
    try:
        data = reading.source.read(key)
        if digest_of(data) != backup.manifest_digest:
            what = "it is not the manifest that the catalog remembers"
            return None, [Damage(object_key=key, what=what)]
        return decode_manifest(data, key=key), ()
    except ObjectMissingError:
        return None, [Damage(object_key=key, what="it is missing")]
    except UnreadableManifestError as error:
        return None, [Damage(object_key=key, what=error.what)]


def _damage_of(manifest: Manifest, level: Level, reading: CopyReading) -> Sequence[Damage]:
    if level is Level.STORED:
        return _each(lambda stored: _damage_of_size(stored, reading), manifest.objects, reading)
    if level is Level.OBJECTS:
        return _each(lambda stored: _read_object(stored, reading)[1], manifest.objects, reading)
    return _damage_of_content(manifest, reading)


def _each(
    examine: Callable[[StoredObject], Sequence[Damage]],
    objects: Iterable[StoredObject],
    reading: CopyReading,
) -> Sequence[Damage]:
    """Examine every object, a few at a time; the first error that is no damage stops the rest."""

    def examine_unless_stopped(stored: StoredObject) -> Sequence[Damage]:
        reading.check()
        return examine(stored)

    with ThreadPoolExecutor(reading.workers, thread_name_prefix="verify") as pool:
        try:
            futures = [pool.submit(examine_unless_stopped, stored) for stored in objects]
            return [damage for future in futures for damage in future.result()]
        finally:
            pool.shutdown(cancel_futures=True)


def _damage_of_size(stored: StoredObject, reading: CopyReading) -> Sequence[Damage]:
    info = reading.source.stat(stored.key)
    damage = damage_of_size(stored, None if info is None else info.size)
    return () if damage is None else (damage,)


def _read_object(
    stored: StoredObject, reading: CopyReading
) -> tuple[bytes | None, Sequence[Damage]]:
    """Return the bytes of an object, or what is wrong with it."""
    try:
        data = reading.source.read(stored.key)
    except ObjectMissingError:
        return None, [Damage(object_key=stored.key, what="it is missing")]
    reading.step.advanced(len(data))
    damage = damage_of_object(stored, data)
    return (data, ()) if damage is None else (None, [damage])


def _damage_of_content(manifest: Manifest, reading: CopyReading) -> Sequence[Damage]:
    by_role = {
        stored.role: stored for stored in manifest.objects if stored.role is not ObjectRole.CHUNK
    }
    read = {role: _read_object(stored, reading) for role, stored in by_role.items()}
    damage = [found for _, damaged in read.values() for found in damaged]
    schema, _ = read.get(ObjectRole.SCHEMA, (None, ()))
    details_bytes, _ = read.get(ObjectRole.DETAILS, (None, ()))
    details, undecodable = _decode_details(by_role.get(ObjectRole.DETAILS), details_bytes)
    damage += undecodable
    if details is not None:
        damage += damage_of_details(manifest, details, schema)
    return [*damage, *_damage_of_chunks(manifest, details, reading)]


def _decode_details(
    stored: StoredObject | None, data: bytes | None
) -> tuple[Details | None, Sequence[Damage]]:
    if stored is None:
        return None, [Damage(object_key=ObjectKey("details.json"), what="no manifest names it")]
    if data is None:
        return None, ()
    try:
        return decode_details(data), ()
    except (DamagedBackupError, UnreadableManifestError) as error:
        return None, [Damage(object_key=stored.key, what=error.what)]


def _damage_of_chunks(
    manifest: Manifest, details: Details | None, reading: CopyReading
) -> Sequence[Damage]:
    """Read every chunk once, and hold its rows against each range that the details give it."""
    promises: dict[ObjectKey, dict[tuple[int, int], Chunk]] = {}
    for chunk in details.chunks if details else ():
        promises.setdefault(chunk.key, {})[chunk.rows, chunk.text_bytes] = chunk

    def examine(stored: StoredObject) -> Sequence[Damage]:
        data, damage = _read_object(stored, reading)
        if data is None:
            return damage
        found = (
            damage_of_chunk_content(chunk, data) for chunk in promises.get(stored.key, {}).values()
        )
        return [trouble for trouble in found if trouble is not None]

    stored_chunks = [item for item in manifest.objects if item.role is ObjectRole.CHUNK]
    return _each(examine, stored_chunks, reading)
