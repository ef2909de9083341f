"""What other rules do to the copies that are there, by the very code that prunes decides by."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from orchestrator.model.backup import Backup
from orchestrator.model.names import BackupId, DestinationName, Series
from orchestrator.model.plan import RetentionEffect
from orchestrator.planning.retention import decide_retention
from orchestrator.planning.retention.copies import RetentionRules, Standing
from orchestrator.planning.retention.decide import CopyDecision


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedRules:
    """The rules that were applied last, and those that would be."""

    before: RetentionRules
    after: RetentionRules


def find_effect(
    series: Series,
    destination: DestinationName,
    backups: Sequence[Backup],
    *,
    rules: ChangedRules,
    now: datetime,
) -> RetentionEffect:
    """Decide about the same copies twice, at one moment, and return what is decided otherwise."""
    before, after = (
        decide_retention(backups, destination=destination, rules=one, now=now)
        for one in (rules.before, rules.after)
    )
    kept, stays = _kept(before), _kept(after)
    sizes = {backup.id: backup.stored_bytes for backup in backups}
    return RetentionEffect(
        series=series,
        destination=destination,
        expired=len(kept - stays),
        expired_bytes=sum(sizes[backup] for backup in kept - stays),
        kept_again=len(stays - kept),
        kept_again_bytes=sum(sizes[backup] for backup in stays - kept),
        oldest_before=_oldest(before, kept),
        oldest_after=_oldest(after, stays),
    )


def _kept(decisions: Mapping[BackupId, CopyDecision]) -> frozenset[BackupId]:
    return frozenset(backup for backup, decision in decisions.items() if decision.is_kept)


def _oldest(
    decisions: Mapping[BackupId, CopyDecision], kept: Collection[BackupId]
) -> datetime | None:
    """Return the oldest snapshot that a restore can rely on."""
    copies = (decisions[backup].copy for backup in kept)
    return min((copy.at for copy in copies if copy.standing is Standing.ELIGIBLE), default=None)
