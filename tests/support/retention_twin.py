"""Retention once more, by brute force, written from the words of design §7 and not from the code.

Every sentence of the rules is one function; each asks every other backup again. Nothing is shared
with the product but the values that it reads.
"""

from calendar import monthrange
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

from orchestrator.model.backup import Backup, Copy, CopyState
from orchestrator.model.policy import Retention
from orchestrator.model.verification import Level

ONE_HOUR = timedelta(hours=1)
ONE_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Twin:
    """The rules of one policy over the backups of one series, at one destination and time."""

    backups: Sequence[Backup]
    destination: str
    retention: Retention
    zone: ZoneInfo
    now: datetime

    def labels(self) -> dict[str, set[str]]:
        """What keeps each backup that has a copy here."""
        return {one.id: set(self.reasons(one)) for one in self.backups if self.copy(one)}

    def if_whole(self) -> dict[str, bool]:
        """For each damaged copy: would any rule keep it, had its verification passed?"""
        return {
            one.id: bool(set(self.with_whole(one).reasons(self.healed(one))))
            for one in self.backups
            if (copy := self.copy(one)) and copy.state is CopyState.DAMAGED
        }

    def reasons(self, one: Backup) -> Iterator[str]:
        yield from (tier.value for tier in self.retention.tiers if self.tier_keeps(tier.value, one))
        verified = self.newest_first([other for other in self.eligible if self.verified(other)])
        last = max(verified, key=lambda other: other.sequence, default=None)
        if verified and one.id in {verified[0].id, last.id if last else None}:
            yield "newest"
        if one.id in [other.id for other in verified[: max(1, self.retention.min_keep)]]:
            yield "min_keep"
        if any(hold.until is None or hold.until > self.now for hold in one.holds):
            yield "held"
        if self.now < one.snapshot_at + ONE_HOUR:
            yield "young"
        if not self.eligible:
            yield "nothing_eligible"

    # ---------------------------------------------------------- words
    def copy(self, one: Backup) -> Copy | None:
        here = [copy for copy in one.copies if copy.destination == self.destination]
        return here[0] if here else None

    def verified(self, one: Backup) -> bool:
        copy = self.copy(one)
        level = copy.level if copy else None
        return level is not None and level.label in {"objects", "content", "restored"}

    @cached_property
    def eligible(self) -> list[Backup]:
        """Complete, not failed verification, not suspicious; no safety copy beside another."""
        some = [
            one
            for one in self.backups
            if (copy := self.copy(one))
            and copy.state is CopyState.COMPLETE
            and not (one.suspicion and not one.acknowledged)
        ]
        return [one for one in some if one.reason.trigger.value != "before_restore"] or some

    def newest_first(self, some: Sequence[Backup]) -> list[Backup]:
        return sorted(some, key=lambda one: (one.snapshot_at, one.id), reverse=True)

    # ---------------------------------------------------------- tiers
    def tier_keeps(self, tier: str, one: Backup) -> bool:
        if one.id not in [other.id for other in self.eligible]:
            return False
        if one.snapshot_at <= self.begin(tier):
            return False
        bucket = self.bucket(tier, one)
        rivals = [other for other in self.eligible if self.bucket(tier, other) == bucket]
        proved = [other for other in rivals if self.verified(other)]
        represents = self.newest_first(proved or rivals)[0]
        return represents.id == one.id

    def bucket(self, tier: str, one: Backup) -> str:
        shapes = {
            "hourly": "%Y-%m-%d %H %z",
            "daily": "%Y-%m-%d",
            "weekly": "%G-W%V",
            "monthly": "%Y-%m",
            "yearly": "%Y",
        }
        return one.snapshot_at.astimezone(self.zone).strftime(shapes[tier])

    def begin(self, tier: str) -> datetime:
        """A minus the window, by the calendar, with A = min(now, newest eligible)."""
        anchor = min(self.now, max(one.snapshot_at for one in self.eligible))
        (window,) = (w for t, w in self.retention.tiers.items() if t.value == tier)
        unit = window.unit.value
        if unit == "h":
            return anchor - window.amount * ONE_HOUR
        wall = anchor.astimezone(self.zone).replace(tzinfo=None)
        if unit in {"d", "w"}:
            wall -= window.amount * (ONE_DAY if unit == "d" else 7 * ONE_DAY)
        else:
            wall = months_before(wall, window.amount * (12 if unit == "y" else 1))
        return earliest_instant(wall, self.zone)

    # ---------------------------------------------------------- what if
    def healed(self, one: Backup) -> Backup:
        copies = tuple(
            replace(copy, state=CopyState.COMPLETE, level=Level.CONTENT)
            if copy.destination == self.destination
            else copy
            for copy in one.copies
        )
        return replace(one, copies=copies)

    def with_whole(self, one: Backup) -> "Twin":
        backups = [self.healed(one) if other.id == one.id else other for other in self.backups]
        return replace(self, backups=backups)


def months_before(wall: datetime, months: int) -> datetime:
    """The same day so many months earlier, or the last day of a shorter month."""
    year, month = wall.year, wall.month
    for _ in range(months):
        year, month = (year - 1, 12) if month == 1 else (year, month - 1)
    return wall.replace(year=year, month=month, day=min(wall.day, monthrange(year, month)[1]))


def earliest_instant(wall: datetime, zone: ZoneInfo) -> datetime:
    """The first instant with this wall-clock time; in a gap, as if the change had happened."""
    naive = wall.replace(tzinfo=UTC)
    offsets = {(naive + step * ONE_DAY).astimezone(zone).utcoffset() for step in (-1, 0, 1)}
    found = sorted(naive - offset for offset in offsets if offset is not None)
    exact = [at for at in found if at.astimezone(zone).replace(tzinfo=None) == wall]
    return (exact or found)[0]
