"""The calendar buckets of retention: hours with their UTC offset, days, ISO weeks, months, years."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from orchestrator.model.policy import Tier

Bucket = int | tuple[int, int, timedelta | None]

BUCKETS: Mapping[Tier, Callable[[datetime], Bucket]] = {
    Tier.HOURLY: lambda local: (local.toordinal(), local.hour, local.utcoffset()),
    Tier.DAILY: lambda local: local.toordinal(),
    # Day 1 of the calendar was a Monday, as the first day of every ISO week is.
    Tier.WEEKLY: lambda local: (local.toordinal() - 1) // 7,
    Tier.MONTHLY: lambda local: local.year * 12 + local.month,
    Tier.YEARLY: lambda local: local.year,
}
"""Which bucket a local time falls into: the two passes of a repeated hour are two buckets."""

NAMES: Mapping[Tier, Callable[[datetime], str]] = {
    Tier.HOURLY: lambda local: f"{local.isoformat()[:13]}h ({local:%z})",
    Tier.DAILY: lambda local: f"{local:%Y-%m-%d}",
    Tier.WEEKLY: lambda local: "{}-W{:02}".format(*local.isocalendar()),
    Tier.MONTHLY: lambda local: f"{local:%Y-%m}",
    Tier.YEARLY: lambda local: f"{local:%Y}",
}


def say_bucket(tier: Tier, at: datetime, zone: ZoneInfo) -> str:
    """Name the bucket that a time falls into: ``2026-10-25``, ``2026-W43``, ``2026-10``."""
    return NAMES[tier](at.astimezone(zone))
