"""The calendar buckets of retention: hours with their UTC offset, days, ISO weeks, months, years."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from orchestrator.model.policy import Tier

Bucket = tuple[int | timedelta | None, ...]

BUCKETS: Mapping[Tier, Callable[[datetime], Bucket]] = {
    Tier.HOURLY: lambda local: (*local.timetuple()[:4], local.utcoffset()),
    Tier.DAILY: lambda local: (local.year, local.month, local.day),
    Tier.WEEKLY: lambda local: local.isocalendar()[:2],
    Tier.MONTHLY: lambda local: (local.year, local.month),
    Tier.YEARLY: lambda local: (local.year,),
}
"""Which bucket a local time falls into: the two passes of a repeated hour are two buckets."""

NAMES: Mapping[Tier, Callable[[datetime], str]] = {
    Tier.HOURLY: lambda local: f"{local.isoformat()[:13]}h ({local:%z})",
    Tier.DAILY: lambda local: f"{local:%Y-%m-%d}",
    Tier.WEEKLY: lambda local: "{}-W{:02}".format(*local.isocalendar()),
    Tier.MONTHLY: lambda local: f"{local:%Y-%m}",
    Tier.YEARLY: lambda local: f"{local:%Y}",
}


def buckets_of(at: datetime, tiers: Iterable[Tier], zone: ZoneInfo) -> Mapping[Tier, Bucket]:
    """Return the bucket of an aware time for each tier, on the calendar of a zone."""
    local = at.astimezone(zone)
    return {tier: BUCKETS[tier](local) for tier in tiers}


def say_bucket(tier: Tier, at: datetime, zone: ZoneInfo) -> str:
    """Name the bucket that a time falls into: ``2026-10-25``, ``2026-W43``, ``2026-10``."""
    return NAMES[tier](at.astimezone(zone))
