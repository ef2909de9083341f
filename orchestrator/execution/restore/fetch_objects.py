"""Reading the objects of a backup from whichever copy still has them right (faults F52, F57-F60).

Nothing is used before its digest was checked: the manifest against the catalog, every object
against the manifest.
"""

import threading
from collections.abc import Sequence

from orchestrator.archive.details import decode_details
from orchestrator.archive.layout import manifest_key
from orchestrator.archive.manifest import decode_manifest, digest_of
from orchestrator.archive.verification import damage_of_object
from orchestrator.errors import DamagedBackupError, DestinationError
from orchestrator.execution.attach_destination import open_attached
from orchestrator.execution.context import Execution
from orchestrator.model.backup import Backup, Copy, CopyState
from orchestrator.model.contents import Details
from orchestrator.model.manifest import Manifest, ObjectRole, StoredObject
from orchestrator.ports.destination import DestinationReader


class BackupObjects:
    """The objects of one backup, each read from the first copy that has it right.

    May be used by several threads. ``warnings`` says which copies had to be passed over, and why.
    """

    def __init__(self, backup: Backup, sources: Sequence[DestinationReader]) -> None:
        self._backup = backup
        self._sources = sources
        self._warnings: dict[str, None] = {}
        self._lock = threading.Lock()

    @property
    def warnings(self) -> tuple[str, ...]:
        """What was found wrong on the way, each thing once."""
        return tuple(self._warnings)

    @property
    def copies(self) -> tuple[str, ...]:
        """The names of the destinations, the one that is read first before the others."""
        return tuple(source.name for source in self._sources)

    def manifest(self) -> Manifest:
        """Return the manifest, equal to what the catalog remembers.

        Raises:
            DamagedBackupError: no copy has it.
        """
        key = manifest_key(self._backup.path, self._backup.id)
        for source in self._sources:
            try:
                data = source.read(key)
            except DestinationError as error:
                self.warn(source, error.what)
                continue
            if digest_of(data) == self._backup.manifest_digest:
                return decode_manifest(data)
            self.warn(source, f"{key} is not the manifest that the catalog remembers")
        raise self._damaged(key)

    def read(self, stored: StoredObject) -> bytes:
        """Return the bytes of an object, equal in size and digest to what the manifest says.

        Raises:
            DamagedBackupError: no copy has it right.
        """
        for source in self._sources:
            try:
                data = source.read(stored.key)
            except DestinationError as error:
                self.warn(source, error.what)
                continue
            damage = damage_of_object(stored, data)
            if damage is None:
                return data
            self.warn(source, str(damage))
        raise self._damaged(stored.key)

    def warn(self, source: DestinationReader, what: str) -> None:
        """Remember that a copy had to be passed over."""
        with self._lock:
            self._warnings[f"the copy at {source.name} was passed over: {what}"] = None

    def _damaged(self, key: str) -> DamagedBackupError:
        found = "; ".join(self._warnings) or "it has no copy"
        return DamagedBackupError(
            f"no copy of backup {self._backup.id} has {key} intact ({found})",
            next_step="restore another backup: `orchestrator list` shows how far each is verified",
        )


def open_backup(backup: Backup, execution: Execution) -> BackupObjects:
    """Return the objects of a backup, the best copies first; an unreachable copy is passed over.

    Raises:
        DestinationError: no copy can be reached; the error is that of the best one.
    """
    sources: list[DestinationReader] = []
    errors: list[DestinationError] = []
    for copy in sorted(backup.copies, key=_worth, reverse=True):
        try:
            sources.append(open_attached(copy.destination, execution))
        except DestinationError as error:
            errors.append(error)
    if errors and not sources:
        raise errors[0]
    return BackupObjects(backup, sources)


def object_of_role(manifest: Manifest, role: ObjectRole) -> StoredObject:
    """Return the one object of a role that a backup has once.

    Raises:
        DamagedBackupError: the manifest names none.
    """
    for stored in manifest.objects:
        if stored.role is role:
            return stored
    raise DamagedBackupError(
        f"the manifest of {manifest.backup} names no {role.value}",
        next_step="restore another backup: `orchestrator list` shows how far each is verified",
    )


def read_details(objects: BackupObjects, manifest: Manifest) -> Details:
    """Return the details of a backup, their digest checked."""
    return decode_details(objects.read(object_of_role(manifest, ObjectRole.DETAILS)))


def _worth(copy: Copy) -> tuple[bool, int]:
    return copy.state is CopyState.COMPLETE, copy.level or 0
