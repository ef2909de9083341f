"""The two steps of pruning: expired copies are marked, and after ``prune_delay`` they may go."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from operator import attrgetter

from orchestrator.model.names import BackupId
from orchestrator.planning.pruning.allowance import Allowance
from orchestrator.planning.pruning.expired import ExpiredCopies
from orchestrator.planning.pruning.guards import PruneConditions, Refusal, find_refusal
from orchestrator.planning.pruning.ledger import ExpiredMark, PruneLedger
from orchestrator.planning.pruning.verdicts import PruneDecision, Verdict
from orchestrator.planning.retention.copies import RatedCopy

READY = frozenset({Verdict.PRUNE, Verdict.BEYOND})


@dataclass(frozen=True, slots=True, kw_only=True)
class PrunePlan:
    """The marks to remember after this pass, and what becomes of every expired copy.

    ``marks`` replace those in the ledger. ``used`` of the ``allowed`` copies were needed.
    """

    marks: Mapping[BackupId, ExpiredMark]
    decisions: tuple[PruneDecision, ...]
    used: int


def decide_pruning(
    expired: ExpiredCopies,
    *,
    ledger: PruneLedger,
    conditions: PruneConditions,
    prune_delay: timedelta,
    allowed: int,
    now: datetime,
) -> PrunePlan:
    """Decide what becomes of every expired copy of one series at one destination (design §7).

    ``allowed`` is the N of `apply --allow-prune N`: so many more than a day allows may go. A copy
    that a rule keeps again loses its mark; while a guard refuses, no new mark is made. ``now`` is
    aware UTC.
    """
    refusal = find_refusal(conditions)
    allowance = Allowance(arrived=expired.arrived + ledger.count_arrived(now), copies=expired.total)
    ordered = sorted(expired.copies, key=attrgetter("order"))
    kept_marks = {copy.id: ledger.marks[copy.id] for copy in ordered if copy.id in ledger.marks}
    unmarked = [] if refusal else [copy for copy in ordered if copy.id not in kept_marks]
    remaining = PruneLedger(marks=kept_marks, pruned=ledger.pruned)
    marks = {**kept_marks, **_mark(unmarked, remaining, allowance, now)}
    judge = _Judge(marks, expired.spared, refusal, prune_delay, now)
    decisions = [judge.decide(copy) for copy in ordered]
    going, used = _measure(
        decisions, fitting=allowance.room(already=ledger.count_pruned(now)), allowed=allowed
    )
    settled = tuple(_settle(decision, going) for decision in decisions)
    return PrunePlan(marks=marks, decisions=settled, used=used)


def _mark(
    copies: Sequence[RatedCopy], ledger: PruneLedger, allowance: Allowance, now: datetime
) -> Mapping[BackupId, ExpiredMark]:
    """Mark copies that expired just now, given from old to new."""
    normal = allowance.admit(len(copies), already=ledger.count_marked(now)) if copies else 0
    return {
        copy.id: ExpiredMark(at=now, beyond_normal_ageing=position >= normal)
        for position, copy in enumerate(copies)
    }


@dataclass(frozen=True, slots=True)
class _Judge:
    """What every copy of a series is judged by; it leaves only the measure of the day open."""

    marks: Mapping[BackupId, ExpiredMark]
    spared: Mapping[BackupId, str]
    refusal: Refusal | None
    prune_delay: timedelta
    now: datetime

    def decide(self, copy: RatedCopy) -> PruneDecision:
        """Return what would become of a copy if a day had no measure."""
        mark = self.marks.get(copy.id)
        ready_at = None if mark is None else mark.at + self.prune_delay
        verdict, guard = self._judge(copy, mark, ready_at)
        return PruneDecision(copy=copy, verdict=verdict, mark=mark, ready_at=ready_at, guard=guard)

    def _judge(
        self, copy: RatedCopy, mark: ExpiredMark | None, ready_at: datetime | None
    ) -> tuple[Verdict, str | None]:
        if copy.id in self.spared:
            return Verdict.REFUSED, self.spared[copy.id]
        is_ready = ready_at is not None and ready_at <= self.now
        if self.refusal is not None and not (is_ready and self.refusal.spares_waiting):
            return Verdict.REFUSED, self.refusal.reason
        if not is_ready:
            return Verdict.WAITS, None
        if mark is not None and mark.beyond_normal_ageing:
            return Verdict.BEYOND, None
        return Verdict.PRUNE, None if self.refusal is None else "; the destination is full"


def _measure(
    decisions: Sequence[PruneDecision], *, fitting: int, allowed: int
) -> tuple[frozenset[BackupId], int]:
    """Choose what goes, longest expired first: what fits into the day, and ``allowed`` more."""
    ready = sorted((one for one in decisions if one.verdict in READY), key=attrgetter("order"))
    normal = [one for one in ready if one.verdict is Verdict.PRUNE][:fitting]
    going = {one.copy.id for one in normal}
    extra = [one for one in ready if one.copy.id not in going][:allowed]
    return frozenset(going | {one.copy.id for one in extra}), len(extra)


def _settle(decision: PruneDecision, going: frozenset[BackupId]) -> PruneDecision:
    if decision.copy.id in going:
        return replace(decision, verdict=Verdict.PRUNE)
    if decision.verdict is Verdict.PRUNE:
        return replace(decision, verdict=Verdict.TOMORROW)
    return decision
