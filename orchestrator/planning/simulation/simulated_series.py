"""One series at one destination in virtual time, every backup of it verified.

A walk of 500 days under an hourly schedule has 12,000 steps, so each looks again only at the copies
for which something can have changed. What it asks about them are the rules that decide for real.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from itertools import chain

from orchestrator.model.names import BackupId
from orchestrator.model.policy import Tier
from orchestrator.planning.pruning.decide import decide_pruning
from orchestrator.planning.pruning.expired import ExpiredCopies
from orchestrator.planning.pruning.guards import PruneConditions
from orchestrator.planning.pruning.ledger import DAY, ExpiredMark, PrunedCopy, PruneLedger
from orchestrator.planning.pruning.verdicts import Verdict
from orchestrator.planning.retention.copies import RatedCopy, RetentionRules, Standing
from orchestrator.planning.retention.rules import YOUNG, Moment, labels_of, look_at
from orchestrator.planning.retention.shelf import Shelf

INSTANT = timedelta(microseconds=1)
FIRST_ID = BackupId("")


class SimulatedSeries:
    """The copies that are there, which of them are kept, and what becomes of the others."""

    def __init__(self, rules: RetentionRules) -> None:
        """Begin without any backup."""
        self._rules = rules
        self._shelf = Shelf(rules)
        self._before: Moment | None = None
        self._touched: list[RatedCopy] = []
        self._kept: dict[BackupId, tuple[str, ...]] = {}
        self._expired: dict[BackupId, RatedCopy] = {}
        self._held: dict[BackupId, RatedCopy] = {}
        self._marks: Mapping[BackupId, ExpiredMark] = {}
        self._pruned: list[PrunedCopy] = []

    @property
    def kept(self) -> Mapping[BackupId, tuple[str, ...]]:
        """The labels of every copy that a rule keeps."""
        return self._kept

    @property
    def waiting(self) -> int:
        """How many copies no rule keeps, and nobody needs to allow."""
        return len(self._expired)

    @property
    def held(self) -> int:
        """How many copies wait for `apply --allow-prune`."""
        return len(self._held)

    @property
    def copies(self) -> int:
        """How many copies are there."""
        return len(self._shelf.copies)

    def take_backup(self, at: datetime) -> None:
        """Add a backup, newer than all others, as complete and verified."""
        copy = RatedCopy(
            id=BackupId(at.isoformat()),
            at=at,
            standing=Standing.ELIGIBLE,
            verified=True,
            local=at.astimezone(self._rules.zone),
            sequence=0,  # Time goes forward only in this walk: the order of the times is enough.
        )
        self._touched += [*self._representatives_beside(copy), copy]
        self._shelf.put(copy)

    def pass_at(self, now: datetime, conditions: PruneConditions) -> int:
        """Make one pass at an aware time, and return how many copies it pruned."""
        moment = look_at(self._shelf, now)
        self._look_again(self._changed(moment), moment)
        self._before, self._touched = moment, []
        if not self._expired:
            return 0
        self._pruned = [one for one in self._pruned if one.pruned_at > now - DAY]
        plan = decide_pruning(
            self._expired_copies(now),
            ledger=PruneLedger(marks=self._marks, pruned=self._pruned),
            conditions=conditions,
            prune_delay=self._rules.retention.prune_delay,
            allowed=0,
            now=now,
        )
        self._marks = plan.marks
        going = [one for one in plan.decisions if one.verdict is Verdict.PRUNE]
        for decision in going:
            self._prune(decision.copy, now)
        self._set_held_aside()
        return len(going)

    def _expired_copies(self, now: datetime) -> ExpiredCopies:
        copies = self._shelf.copies
        return ExpiredCopies(
            copies=list(self._expired.values()),
            spared={},
            total=len(copies),
            arrived=len(copies) - self._shelf.find((now - DAY + INSTANT, FIRST_ID)),
        )

    def _prune(self, copy: RatedCopy, now: datetime) -> None:
        represents = copy.id in {one.id for one in self._representatives_beside(copy)}
        self._shelf.take(copy)
        self._touched = [one for one in self._touched if one.id != copy.id]
        del self._expired[copy.id]
        self._pruned.append(
            PrunedCopy(
                backup=copy.id, snapshot_at=copy.at, mark=self._marks[copy.id], pruned_at=now
            )
        )
        if represents:
            self._touched += self._representatives_beside(copy)

    def _set_held_aside(self) -> None:
        """Put aside what waits for a human: nothing that happens here lets it go."""
        for backup, mark in self._marks.items():
            if mark.beyond_normal_ageing and backup in self._expired:
                self._held[backup] = self._expired.pop(backup)

    # -------------------------------------------------------------- what can have changed
    def _look_again(self, copies: Iterable[RatedCopy], moment: Moment) -> None:
        for copy in copies:
            labels = labels_of(copy, moment)
            if labels:
                self._kept[copy.id] = labels
                self._expired.pop(copy.id, None)
                self._held.pop(copy.id, None)
            else:
                self._kept.pop(copy.id, None)
                if copy.id not in self._held:
                    self._expired[copy.id] = copy

    def _changed(self, moment: Moment) -> Iterable[RatedCopy]:
        """Find what a window, an hour or a newer backup may have left behind since the last pass."""
        newest = self._shelf.copies[-self._rules.retention.min_keep - 2 :]
        before = self._before
        if before is None:
            return self._shelf.copies
        hour = self._between(before.now - YOUNG, moment.now - YOUNG)
        windows = (self._passed(tier, before, moment) for tier in moment.limits)
        return chain(self._touched, newest, hour, *windows)

    def _passed(self, tier: Tier, before: Moment, moment: Moment) -> Iterable[RatedCopy]:
        limit = moment.limits[tier]
        return self._between(before.limits.get(tier, limit), limit)

    def _between(self, one: datetime, other: datetime) -> Iterable[RatedCopy]:
        first = self._shelf.find((min(one, other), FIRST_ID))
        last = self._shelf.find((max(one, other) + INSTANT, FIRST_ID))
        return self._shelf.copies[first:last]

    def _representatives_beside(self, copy: RatedCopy) -> list[RatedCopy]:
        found = (self._shelf.representative(tier, copy) for tier in self._rules.retention.tiers)
        return [one for one in found if one is not None]
