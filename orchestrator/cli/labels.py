"""The tiers that each backup stands for, over all destinations of its policy."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from orchestrator.model.backup import Backup
from orchestrator.model.names import BackupId, Series
from orchestrator.model.policy import DesiredState
from orchestrator.planning.retention import label_backups

Labels = Mapping[BackupId, Sequence[str]]


def labels_of(backups: Sequence[Backup], desired: DesiredState | None, now: datetime) -> Labels:
    """Return the tier labels of every backup whose policy is in force, over all destinations."""
    labels: dict[BackupId, tuple[str, ...]] = {}
    grouped: dict[Series, list[Backup]] = {}
    for backup in backups:
        grouped.setdefault(backup.series, []).append(backup)
    for series, of_series in grouped.items():
        policy = None if desired is None else desired.policies.get(series.policy)
        if policy is None:
            continue
        for destination in policy.destinations:
            found = label_backups(
                of_series,
                destination=destination,
                retention=policy.retention,
                zone=policy.timezone,
                now=now,
            )
            for backup_id, words in found.items():
                labels[backup_id] = tuple(dict.fromkeys((*labels.get(backup_id, ()), *words)))
    return labels
