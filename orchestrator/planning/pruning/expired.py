"""What retention no longer keeps, as pruning sees it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter

from orchestrator.model.names import BackupId
from orchestrator.planning.pruning.ledger import is_recent
from orchestrator.planning.retention.copies import RatedCopy, Standing
from orchestrator.planning.retention.decide import CopyDecision


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpiredCopies:
    """The copies of one series at one destination that no rule keeps, and what they are measured by.

    Attributes:
        copies: those that no rule keeps.
        spared: of these, why some may not go for their own sake, by backup.
        total: how many copies the series has there.
        arrived: how many eligible ones of these were taken in the rolling day.
    """

    copies: Sequence[RatedCopy]
    spared: Mapping[BackupId, str]
    total: int
    arrived: int


def expired_copies(decisions: Sequence[CopyDecision], now: datetime) -> ExpiredCopies:
    """Return what retention no longer keeps of one series at one destination."""
    expired = [decision for decision in decisions if not decision.is_kept]
    newest = find_newest_verified([decision.copy for decision in decisions])
    return ExpiredCopies(
        copies=[decision.copy for decision in expired],
        spared=dict(_find_spared(expired, newest)),
        total=len(decisions),
        arrived=sum(
            decision.copy.standing is Standing.ELIGIBLE and is_recent(decision.copy.at, now)
            for decision in decisions
        ),
    )


def find_newest_verified(copies: Sequence[RatedCopy]) -> BackupId | None:
    """Return the newest verified and eligible copy, which nothing may prune, or None."""
    proved = [copy for copy in copies if copy.verified and copy.standing is Standing.ELIGIBLE]
    return max(proved, key=attrgetter("order")).id if proved else None


def _find_spared(
    expired: Sequence[CopyDecision], newest: BackupId | None
) -> Iterator[tuple[BackupId, str]]:
    for decision in expired:
        if decision.copy.id == newest:
            yield newest, "it is the newest verified copy here, which is never pruned"
        elif decision.copy.standing is Standing.SUSPICIOUS:
            yield decision.copy.id, "it is suspicious, and nobody acknowledged it"
        elif decision.copy.standing is Standing.DAMAGED and _would_be_kept(decision):
            yield decision.copy.id, decision.sentence


def _would_be_kept(damaged: CopyDecision) -> bool:
    return damaged.expiry is not None and bool(damaged.expiry.kept_if_whole)
