"""The eligible copies of one series at one destination, by time and by calendar bucket.

It can be filled and emptied copy by copy, so that a walk through virtual time asks the same
questions of it as a decision about a whole series does.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from functools import cached_property
from operator import attrgetter

from orchestrator.model.names import BackupId
from orchestrator.model.policy import Tier
from orchestrator.planning.retention.buckets import BUCKETS, Bucket
from orchestrator.planning.retention.copies import RatedCopy, RetentionRules

Order = tuple[datetime, BackupId]

ORDER, RANK = attrgetter("at", "id"), attrgetter("rank")


class Shelf:
    """Eligible copies, and which of them represents each calendar bucket."""

    def __init__(self, rules: RetentionRules, copies: Iterable[RatedCopy] = ()) -> None:
        """Begin with these copies."""
        self.rules = rules
        self._copies: list[RatedCopy] = sorted(copies, key=ORDER)
        self._verified: list[Order] = [ORDER(copy) for copy in self._copies if copy.verified]
        self._ranked: list[RatedCopy] | None = None
        self._calendars: dict[Tier, _Calendar] = {}

    @property
    def copies(self) -> Sequence[RatedCopy]:
        """The eligible copies, from old to new."""
        return self._copies

    @property
    def newest(self) -> RatedCopy | None:
        """The newest eligible copy, or None."""
        return self._copies[-1] if self._copies else None

    def put(self, copy: RatedCopy) -> None:
        """Add an eligible copy; it must not be there yet."""
        self._ranked = None
        insort(self._copies, copy, key=ORDER)
        if copy.verified:
            insort(self._verified, copy.order)
        for calendar in self._calendars.values():
            calendar.put(copy)

    def take(self, copy: RatedCopy) -> None:
        """Remove a copy that is there."""
        self._ranked = None
        del self._copies[bisect_left(self._copies, copy.order, key=ORDER)]
        if copy.verified:
            del self._verified[bisect_left(self._verified, copy.order)]
        for calendar in self._calendars.values():
            calendar.take(copy)

    def find(self, order: Order) -> int:
        """Return how many of the copies are older than a place in their order."""
        return bisect_left(self._copies, order, key=ORDER)

    def sharing(self, tier: Tier, copy: RatedCopy) -> Collection[RatedCopy]:
        """Return the copies in the bucket of a tier that a copy falls into."""
        return self._calendar(tier).sharing(copy)

    def representative(self, tier: Tier, copy: RatedCopy) -> RatedCopy | None:
        """Return who represents the bucket that a copy falls into, or None if it is empty."""
        return self._calendar(tier).representative(copy)

    def representatives(self, tier: Tier) -> Collection[RatedCopy]:
        """Return who represents each bucket of a tier."""
        return self._calendar(tier).representatives.values()

    def count_newer_verified(self, copy: RatedCopy) -> int:
        """Return how many verified copies are newer than a copy."""
        return len(self._verified) - bisect_right(self._verified, copy.order)

    def nth_newer_verified(self, copy: RatedCopy, number: int) -> datetime | None:
        """Return the time of the nth (from 1) verified copy that is newer than a copy, or None."""
        position = bisect_right(self._verified, copy.order) + number - 1
        return self._verified[position][0] if position < len(self._verified) else None

    def _calendar(self, tier: Tier) -> "_Calendar":
        found = self._calendars.get(tier)
        if found is None:
            if self._ranked is None:
                self._ranked = sorted(self._copies, key=RANK)
            found = self._calendars[tier] = _Calendar(tier, self._ranked)
        return found


class _Calendar:
    """The buckets of one tier. What is only asked about few copies is made when it is asked."""

    def __init__(self, tier: Tier, ranked: Sequence[RatedCopy]) -> None:
        self._bucket_of = bucket_of = BUCKETS[tier]
        self._first_copies = ranked
        # Of several in one bucket the last stays: it has the highest rank.
        self.representatives = {bucket_of(copy.local): copy for copy in ranked}

    @cached_property
    def _buckets(self) -> dict[Bucket, dict[BackupId, RatedCopy]]:
        buckets: dict[Bucket, dict[BackupId, RatedCopy]] = {}
        for copy in self._first_copies:
            buckets.setdefault(self._bucket_of(copy.local), {})[copy.id] = copy
        return buckets

    def put(self, copy: RatedCopy) -> None:
        bucket = self._bucket_of(copy.local)
        self._buckets.setdefault(bucket, {})[copy.id] = copy
        rival = self.representatives.get(bucket)
        if rival is None or rival.rank < copy.rank:
            self.representatives[bucket] = copy

    def take(self, copy: RatedCopy) -> None:
        bucket = self._bucket_of(copy.local)
        rest = self._buckets[bucket]
        del rest[copy.id]
        if not rest:
            del self._buckets[bucket], self.representatives[bucket]
        elif self.representatives[bucket].id == copy.id:
            self.representatives[bucket] = max(rest.values(), key=RANK)

    def sharing(self, copy: RatedCopy) -> Collection[RatedCopy]:
        return self._buckets.get(self._bucket_of(copy.local), {}).values()

    def representative(self, copy: RatedCopy) -> RatedCopy | None:
        return self.representatives.get(self._bucket_of(copy.local))
