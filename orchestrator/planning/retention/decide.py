"""What retention decides about every copy: kept, with all its reasons, or expired, with one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from orchestrator.model.backup import Backup
from orchestrator.model.names import BackupId, DestinationName
from orchestrator.planning.retention.copies import RatedCopy, RetentionRules, Standing
from orchestrator.planning.retention.lapses import (
    Expiry,
    LimitHistory,
    find_expiry,
    limit_history,
)
from orchestrator.planning.retention.moments import moments_of
from orchestrator.planning.retention.reasons import KeepReason, say_expiry, say_kept
from orchestrator.planning.retention.rules import Moment, labels_if_whole, labels_of


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyDecision:
    """What the rules say of one copy at one destination.

    It is kept for every one of ``reasons``; if there is none, ``expiry`` says why, and
    ``sentence`` in words. ``expiry`` is None while it is kept.
    """

    copy: RatedCopy
    reasons: tuple[KeepReason, ...]
    expiry: Expiry | None
    sentence: str

    @property
    def is_kept(self) -> bool:
        """Whether any rule keeps the copy."""
        return self.expiry is None

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels of the rules that keep it, as `list` shows them."""
        return tuple(reason.label for reason in self.reasons)


def decide_retention(
    backups: Sequence[Backup],
    *,
    destination: DestinationName,
    rules: RetentionRules,
    in_use: Mapping[BackupId, str],
    now: datetime,
) -> Mapping[BackupId, CopyDecision]:
    """Decide for every backup with a copy at a destination, each series on its own (design §7).

    ``in_use`` says, in words, who reads a backup now (``"a restore by …"``). Holds, suspicion and
    acknowledgement are read from the backups. A copy whose removal has begun is not there any more.
    ``now`` is aware UTC. The order of the backups does not matter.
    """
    return {
        copy.id: _decide(copy, moment, history)
        for copies, moment in moments_of(
            backups, destination=destination, rules=rules, in_use=in_use, now=now
        )
        for history in [limit_history(moment)]
        for copy in copies
    }


def _decide(copy: RatedCopy, moment: Moment, history: LimitHistory) -> CopyDecision:
    labels = labels_of(copy, moment)
    if labels:
        reasons = say_kept(copy, labels, moment)
        sentence = "; ".join(reason.sentence for reason in reasons)
        return CopyDecision(copy=copy, reasons=reasons, expiry=None, sentence=sentence)
    expiry = _find_expiry(copy, moment, history)
    return CopyDecision(
        copy=copy, reasons=(), expiry=expiry, sentence=say_expiry(copy, expiry, moment)
    )


def _find_expiry(copy: RatedCopy, moment: Moment, history: LimitHistory) -> Expiry:
    match copy.standing:
        case Standing.ELIGIBLE:
            return find_expiry(copy, moment, history)
        case Standing.DAMAGED:
            return Expiry(since=None, kept_if_whole=labels_if_whole(copy, moment))
        case Standing.SUSPICIOUS:
            return Expiry(since=None)
