"""Which rules keep each backup, as labels: what `list` and `show` print."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from orchestrator.model.backup import BackupOutline
from orchestrator.model.names import BackupId, DestinationName
from orchestrator.model.policy import Retention
from orchestrator.planning.retention.copies import RetentionRules
from orchestrator.planning.retention.moments import moments_of
from orchestrator.planning.retention.rules import labels_of


def label_backups(
    backups: Sequence[BackupOutline],
    *,
    destination: DestinationName,
    retention: Retention,
    zone: ZoneInfo,
    now: datetime,
) -> Mapping[BackupId, tuple[str, ...]]:
    """Return the labels of every backup that has a copy at a destination, each series on its own.

    Labels are the words of the tiers, from fine to coarse, then those of the reasons that always
    keep. A backup without any label would be prunable. ``now`` is aware UTC.
    """
    rules = RetentionRules(retention=retention, zone=zone)
    return {
        copy.id: labels_of(copy, moment)
        for copies, moment in moments_of(backups, destination=destination, rules=rules, now=now)
        for copy in copies
    }
