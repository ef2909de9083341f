"""What must be remembered between passes so that pruning takes two steps and keeps its measure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from orchestrator.model.names import BackupId

DAY = timedelta(days=1)
"""The rolling day over which pruning is measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpiredMark:
    """Remembers that no rule keeps a copy any more, since the pass at ``at`` (aware UTC).

    A mark ``beyond_normal_ageing`` waits for `apply --allow-prune`. That is decided once, when the
    mark is made, so that a backlog does not trickle away day by day.
    """

    at: datetime
    beyond_normal_ageing: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PrunedCopy:
    """A copy that was pruned in the last rolling day, with the times that its mark had."""

    backup: BackupId
    snapshot_at: datetime
    mark: ExpiredMark
    pruned_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PruneLedger:
    """The marks of one series at one destination, and what was pruned there in the last day.

    ``pruned`` may reach further back; what is older than a day before ``now`` is ignored.
    """

    marks: Mapping[BackupId, ExpiredMark]
    pruned: Sequence[PrunedCopy]

    def count_pruned(self, now: datetime) -> int:
        """Return how many copies were pruned in the rolling day."""
        return sum(is_recent(copy.pruned_at, now) for copy in self.pruned)

    def count_marked(self, now: datetime) -> int:
        """Return how many copies began to age normally in the rolling day, pruned ones included."""
        return sum(
            is_recent(mark.at, now) for mark in self._all_marks() if not mark.beyond_normal_ageing
        )

    def count_arrived(self, now: datetime) -> int:
        """Return how many of the pruned copies had been taken in the rolling day, too."""
        return sum(is_recent(copy.snapshot_at, now) for copy in self.pruned)

    def _all_marks(self) -> Iterator[ExpiredMark]:
        yield from self.marks.values()
        yield from (copy.mark for copy in self.pruned)


def is_recent(at: datetime, now: datetime) -> bool:
    """Whether a time lies in the rolling day that ends now."""
    return now - DAY < at <= now
