"""The eligible copies of one series at one destination, by time and by calendar bucket.

It can be filled and emptied copy by copy, so that a walk through virtual time asks the same
questions of it as a decision about a whole series does.
"""

from bisect import bisect_left, bisect_right, insort
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from operator import attrgetter

from orchestrator.model.names import BackupId
from orchestrator.model.policy import Tier
from orchestrator.planning.retention.buckets import Bucket
from orchestrator.planning.retention.copies import RatedCopy, RetentionRules

Order = tuple[datetime, BackupId]
Place = tuple[Tier, Bucket]

ORDER, RANK = attrgetter("order"), attrgetter("rank")


class Shelf:
    """Eligible copies, and which of them represents each calendar bucket."""

    def __init__(self, rules: RetentionRules) -> None:
        """Begin without any copy."""
        self.rules = rules
        self._copies: list[RatedCopy] = []
        self._verified: list[Order] = []
        self._buckets: dict[Place, dict[BackupId, RatedCopy]] = defaultdict(dict)
        self._representatives: dict[Place, RatedCopy] = {}

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
        insort(self._copies, copy, key=ORDER)
        if copy.verified:
            insort(self._verified, copy.order)
        for place in copy.buckets.items():
            self._buckets[place][copy.id] = copy
            rival = self._representatives.get(place)
            if rival is None or rival.rank < copy.rank:
                self._representatives[place] = copy

    def take(self, copy: RatedCopy) -> None:
        """Remove a copy that is there."""
        del self._copies[bisect_left(self._copies, copy.order, key=ORDER)]
        if copy.verified:
            del self._verified[bisect_left(self._verified, copy.order)]
        for place in copy.buckets.items():
            self._take_from(place, copy)

    def _take_from(self, place: Place, copy: RatedCopy) -> None:
        rest = self._buckets[place]
        del rest[copy.id]
        if not rest:
            del self._buckets[place], self._representatives[place]
        elif self._representatives[place].id == copy.id:
            self._representatives[place] = max(rest.values(), key=RANK)

    def find(self, order: Order) -> int:
        """Return how many of the copies are older than a place in their order."""
        return bisect_left(self._copies, order, key=ORDER)

    def sharing(self, tier: Tier, copy: RatedCopy) -> Iterable[RatedCopy]:
        """Return the copies in the bucket of a tier that a copy falls into."""
        return self._buckets.get((tier, copy.buckets[tier]), {}).values()

    def representative(self, tier: Tier, copy: RatedCopy) -> RatedCopy | None:
        """Return who represents the bucket that a copy falls into, or None if it is empty."""
        return self._representatives.get((tier, copy.buckets[tier]))

    def count_newer_verified(self, copy: RatedCopy) -> int:
        """Return how many verified copies are newer than a copy."""
        return len(self._verified) - bisect_right(self._verified, copy.order)

    def nth_newer_verified(self, copy: RatedCopy, number: int) -> datetime | None:
        """Return the time of the nth (from 1) verified copy that is newer than a copy, or None."""
        position = bisect_right(self._verified, copy.order) + number - 1
        return self._verified[position][0] if position < len(self._verified) else None
