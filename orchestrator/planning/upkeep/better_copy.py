"""The second, independent check before a copy goes: a better one of the series must remain there.

It shares no code with the rules of retention, on purpose: a defect there must not cost the newest
verified backup (invariant I5).
"""

from collections.abc import Sequence
from datetime import datetime

from orchestrator.model.backup import Backup, Copy, CopyState
from orchestrator.model.names import BackupId, DestinationName
from orchestrator.model.verification import Level

Rank = tuple[bool, datetime, BackupId]


def find_better(
    backups: Sequence[Backup], going: BackupId, destination: DestinationName
) -> Backup | None:
    """Return the best other backup of a series at a destination if it beats one that shall go.

    It must be complete and not suspicious. A verified one beats every unverified one, and among
    equals the newer one; so a verified copy never goes unless a newer verified one remains.
    """
    found = [
        (_rank(backup, copy), backup)
        for backup in backups
        for copy in backup.copies
        if copy.destination == destination
    ]
    limit = next((rank for rank, backup in found if backup.id == going), None)
    better = [
        (rank, backup)
        for rank, backup in found
        if limit is not None and rank > limit and _can_be_relied_on(backup, destination)
    ]
    return max(better, key=lambda item: item[0])[1] if better else None


def _rank(backup: Backup, copy: Copy) -> Rank:
    return copy.level is not None and copy.level >= Level.OBJECTS, backup.snapshot_at, backup.id


def _can_be_relied_on(backup: Backup, destination: DestinationName) -> bool:
    return not backup.is_suspicious and any(
        copy.destination == destination and copy.state is CopyState.COMPLETE
        for copy in backup.copies
    )
