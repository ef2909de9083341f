"""What damage in one copy says of the others: unchanged chunks are shared by many backups.

A backup whose chunk is damaged is damaged, whichever backup's reading found it. If only that one
were marked, the others would go on being called good, and the last good backup would not be one.
"""

from collections.abc import Iterator, Sequence

from orchestrator.archive.layout import manifest_key
from orchestrator.archive.manifest import decode_manifest
from orchestrator.errors import ObjectMissingError, UnreadableManifestError
from orchestrator.execution.context import Execution
from orchestrator.model.backup import Backup, CopyState
from orchestrator.model.names import BackupId
from orchestrator.model.verification import Damage, Verification
from orchestrator.ports.destination import DestinationReader


def damage_of_others(
    found: Verification, backup: Backup, source: DestinationReader, execution: Execution
) -> Iterator[tuple[Backup, Verification]]:
    """Yield every other backup of the series whose copy there names a damaged object, as damaged.

    A manifest that cannot be read as such is itself damage. Copies known as damaged are left out.

    Raises:
        DestinationError: the destination cannot be read any more.
    """
    damaged = {damage.object_key: damage for damage in found.damage}
    for other in execution.reader.backups(backup.series):
        if other.id != backup.id and _is_called_good(other, found):
            shared = _shared_damage(other, damaged, source)
            if shared:
                yield other, _as_found(found, other.id, shared)


def _is_called_good(backup: Backup, found: Verification) -> bool:
    return any(
        copy.destination == found.destination and copy.state is CopyState.COMPLETE
        for copy in backup.copies
    )


def _shared_damage(
    backup: Backup, damaged: dict[str, Damage], source: DestinationReader
) -> Sequence[Damage]:
    key = manifest_key(backup.path, backup.id)
    try:
        manifest = decode_manifest(source.read(key), key=key)
    except ObjectMissingError:
        return [Damage(object_key=key, what="it is missing")]
    except UnreadableManifestError as error:
        return [Damage(object_key=key, what=error.what)]
    return [damaged[stored.key] for stored in manifest.objects if stored.key in damaged]


def _as_found(found: Verification, backup: BackupId, shared: Sequence[Damage]) -> Verification:
    return Verification(
        backup=backup,
        destination=found.destination,
        level=found.level,
        at=found.at,
        objects=len(shared),
        stored_bytes=0,
        damage=tuple(shared),
    )
