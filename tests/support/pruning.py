"""Situations for pruning: a series whose copies expired, and conditions that nothing is wrong with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from orchestrator.model.names import BackupId
from orchestrator.planning.pruning.decide import PrunePlan, decide_pruning
from orchestrator.planning.pruning.expired import ExpiredCopies
from orchestrator.planning.pruning.guards import PruneConditions
from orchestrator.planning.pruning.ledger import ExpiredMark, PrunedCopy, PruneLedger
from orchestrator.planning.pruning.verdicts import Verdict
from orchestrator.planning.retention.copies import RatedCopy, Standing
from tests.support.builders import utc

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
NOW = utc("2026-11-22T12:00")

WELL = PruneConditions(
    latest_failure=None,
    destination_is_full=False,
    newest_verified_is_intact=True,
    clock_trouble=None,
    suspicious=None,
    rebuilt_at=None,
)


def a_rated_copy(at: datetime, *, verified: bool = True) -> RatedCopy:
    return RatedCopy(
        id=BackupId(at.isoformat()),
        at=at,
        standing=Standing.ELIGIBLE,
        verified=verified,
        local=at,
        sequence=1,
    )


def old_copies(number: int) -> list[RatedCopy]:
    """So many copies, a day apart, the newest of them a year old."""
    return [a_rated_copy(NOW - 365 * DAY - step * DAY) for step in reversed(range(number))]


def marked(
    copies: Sequence[RatedCopy], ago: timedelta, *, beyond: bool = False
) -> dict[BackupId, ExpiredMark]:
    return {copy.id: ExpiredMark(at=NOW - ago, beyond_normal_ageing=beyond) for copy in copies}


def pruned(number: int, *, ago: timedelta = HOUR) -> list[PrunedCopy]:
    """So many copies that were pruned a while ago, and marked two days before that."""
    mark = ExpiredMark(at=NOW - ago - 2 * DAY, beyond_normal_ageing=False)
    return [
        PrunedCopy(
            backup=BackupId(f"pruned-{one}"),
            snapshot_at=NOW - 400 * DAY,
            mark=mark,
            pruned_at=NOW - ago,
        )
        for one in range(number)
    ]


@dataclass(frozen=True)
class Scene:
    """What pruning decides about; by default nothing arrived today and 100 copies are there."""

    copies: Sequence[RatedCopy]
    marks: Mapping[BackupId, ExpiredMark] = field(default_factory=dict)
    pruned: Sequence[PrunedCopy] = ()
    conditions: PruneConditions = WELL
    spared: Mapping[BackupId, str] = field(default_factory=dict)
    total: int = 100
    arrived: int = 0
    delay: timedelta = DAY
    allowed: int = 0
    now: datetime = NOW

    def decide(self) -> PrunePlan:
        return decide_pruning(
            ExpiredCopies(
                copies=self.copies, spared=self.spared, total=self.total, arrived=self.arrived
            ),
            ledger=PruneLedger(marks=self.marks, pruned=self.pruned),
            conditions=self.conditions,
            prune_delay=self.delay,
            allowed=self.allowed,
            now=self.now,
        )

    def verdicts(self) -> list[Verdict]:
        """One for each copy, from old to new."""
        return [one.verdict for one in self.decide().decisions]
