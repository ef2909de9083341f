"""When a schedule fires: cron expressions in a time zone, as UTC instants (design §7).

If the hour field starts with ``*``, the expression fires at every matching wall-clock time that
exists, in both passes of a repeated hour. Otherwise it fires once per matching local time: the
first of two, and at the end of the gap when the time does not exist (several in one gap: once).

The time line is walked in stretches of one UTC offset. Within a stretch local time and UTC run
alike, so the next matching local time is the next slot; only where the offset changes do the two
rules differ.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from math import floor
from zoneinfo import ZoneInfo

from orchestrator.planning.cron import SECOND, CronTimes, fires_every_hour_that_exists

STRIDE = timedelta(days=2)
"""How far the offset is compared at both ends only. It is longer than any change of offset (a day),
and no zone has changed its offset twice in less than six days since 1970."""


@dataclass(frozen=True, slots=True)
class _Change:
    """The first instant of a new UTC offset, and its wall-clock time under the old and the new."""

    at: datetime
    wall_before: datetime
    wall_after: datetime


def slots_between(
    cron: str, zone: ZoneInfo, after: datetime, until: datetime
) -> Iterator[datetime]:
    """Yield the slots with ``after < slot <= until``, ascending, as aware UTC instants."""
    return takewhile(lambda slot: slot <= until, slots_after(cron, zone, after))


def next_slot(cron: str, zone: ZoneInfo, after: datetime) -> datetime:
    """Return the first slot strictly after an aware time.

    Raises:
        ValueError: the expression never fires (`find_cron_trouble` says so beforehand).
    """
    for slot in slots_after(cron, zone, after):
        return slot
    raise ValueError(f"the cron expression {cron!r} never fires")


def latest_slot(cron: str, zone: ZoneInfo, at: datetime) -> datetime | None:
    """Return the last slot at or before an aware time, or None if the expression never fires."""
    return next(slots_until(cron, zone, at), None)


def slots_after(cron: str, zone: ZoneInfo, after: datetime) -> Iterator[datetime]:
    """Yield the slots strictly after an aware time, ascending, without end."""
    times, moves = CronTimes(cron), not fires_every_hour_that_exists(cron)
    start = after.astimezone(UTC)
    local = _wall(zone, start)
    while (match := times.after(local)) is not None:
        arrival = _instant(match, zone, start)
        horizon = min(arrival, start + STRIDE)
        change = _change_between(zone, start, horizon)
        if change is not None:
            start, local = change.at, change.wall_after - SECOND
            if moves and match <= change.wall_after:
                yield change.at
                local = change.wall_after
        elif arrival == horizon:
            if not (moves and _is_second_pass(zone, arrival)):
                yield arrival
            start, local = arrival, match
        else:
            # No local time up to the match fits, whatever the offset: go where it may matter.
            start = max(horizon, arrival - STRIDE)
            local = _wall(zone, start)


def slots_until(cron: str, zone: ZoneInfo, at: datetime) -> Iterator[datetime]:
    """Yield the slots at or before an aware time, descending, without end."""
    times, moves = CronTimes(cron), not fires_every_hour_that_exists(cron)
    start = at.astimezone(UTC)
    while (match := times.at_or_before(_wall(zone, start))) is not None:
        arrival = _instant(match, zone, start)
        horizon = max(arrival, start - STRIDE)
        change = _change_between(zone, horizon, start)
        if change is not None:
            start = change.at - SECOND
            if moves and match >= change.wall_before:
                yield change.at
        elif arrival == horizon:
            if not (moves and _is_second_pass(zone, arrival)):
                yield arrival
            start = arrival - SECOND
        else:
            start = min(horizon, arrival + STRIDE)


def _wall(zone: ZoneInfo, instant: datetime) -> datetime:
    return instant.astimezone(zone).replace(tzinfo=None, fold=0)


def _instant(wall: datetime, zone: ZoneInfo, near: datetime) -> datetime:
    """Read a wall-clock time under the offset that is in force at another instant."""
    return near + (wall - _wall(zone, near))


def _is_second_pass(zone: ZoneInfo, instant: datetime) -> bool:
    return instant.astimezone(zone).fold == 1


def _change_between(zone: ZoneInfo, after: datetime, until: datetime) -> _Change | None:
    """Find the change of offset with ``after < change <= until``, at most a stride apart."""
    old, new = after.astimezone(zone).utcoffset(), until.astimezone(zone).utcoffset()
    if old == new or old is None or new is None:
        return None
    # Offsets change at whole seconds.
    low, high = floor(after.timestamp()), floor(until.timestamp())
    while high - low > 1:
        middle = (low + high) // 2
        if datetime.fromtimestamp(middle, zone).utcoffset() == old:
            low = middle
        else:
            high = middle
    at = datetime.fromtimestamp(high, UTC)
    naive = at.replace(tzinfo=None)
    return _Change(at=at, wall_before=naive + old, wall_after=naive + new)
