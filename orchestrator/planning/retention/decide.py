"""What retention decides about every copy: kept, with all its reasons, or expired, with one."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from orchestrator.model.backup import BackupOutline
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
from orchestrator.planning.retention.rules import (
    Moment,
    find_represented,
    keeps_always,
    labels_if_whole,
    labels_of,
)


class CopyDecision(NamedTuple):
    """What the rules say of one copy at one destination: whether any keeps it, and on demand why.

    A plan asks that of every copy and explains a few, so that reasons are found when they are read.
    """

    copy: RatedCopy
    is_kept: bool
    moment: Moment
    history: LimitHistory

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels of the rules that keep it, as `list` shows them."""
        return labels_of(self.copy, self.moment) if self.is_kept else ()

    @property
    def reasons(self) -> tuple[KeepReason, ...]:
        """Every reason that keeps it, each with its label."""
        return say_kept(self.copy, self.labels, self.moment)

    @property
    def expiry(self) -> Expiry | None:
        """Why no rule keeps it, or None while one does."""
        return None if self.is_kept else _find_expiry(self.copy, self.moment, self.history)

    @property
    def sentence(self) -> str:
        """Why it is kept, or why it is not, in words."""
        expiry = self.expiry
        if expiry is not None:
            return say_expiry(self.copy, expiry, self.moment)
        return "; ".join(reason.sentence for reason in self.reasons)


def decide_retention(
    backups: Sequence[BackupOutline],
    *,
    destination: DestinationName,
    rules: RetentionRules,
    now: datetime,
) -> Mapping[BackupId, CopyDecision]:
    """Decide for every backup with a copy at a destination, each series on its own (design §7).

    Holds, suspicion and acknowledgement are read from the backups. A copy whose removal has begun is
    not there any more. ``now`` is aware UTC. The order of the backups does not matter.

    Who reads a backup at this moment keeps it by no rule: readers say so at a destination, and
    whoever removes something looks there.
    """
    decisions: dict[BackupId, CopyDecision] = {}
    for copies, moment in moments_of(backups, destination=destination, rules=rules, now=now):
        represented, history = find_represented(moment), limit_history(moment)
        for copy in copies:
            is_kept = copy.id in represented or keeps_always(copy, moment)
            decisions[copy.id] = CopyDecision(
                copy=copy, is_kept=is_kept, moment=moment, history=history
            )
    return decisions


def _find_expiry(copy: RatedCopy, moment: Moment, history: LimitHistory) -> Expiry:
    match copy.standing:
        case Standing.ELIGIBLE:
            return find_expiry(copy, moment, history)
        case Standing.DAMAGED:
            return Expiry(since=None, kept_if_whole=labels_if_whole(copy, moment))
        case Standing.SUSPICIOUS | Standing.SAFETY:
            return Expiry(since=None)
