"""Slots of every zone around every change of offset, 2020-2040, against cronsim (Debian's cron).

The documented differences, each asserted exactly:

1. *Several fixed times in one gap.* cronsim yields the end of the gap once for each of them, and
   once more for a slot that lies there anyway; ours fire once.
2. *Fixed hour, minute field starting with a star* (``*/30 1 * * *``). cronsim goes by both fields
   and takes this for a wildcard: it fires in both passes of a repeated hour and not at all for
   times inside a gap. For us the hour field alone decides: the first pass, and the end of the gap.
3. *Changes by a part of an hour, or not on the hour* (Australia/Lord_Howe, Antarctica/Casey).
   cronsim looks for the next wildcard hour in steps of an hour, lands in the middle of one and
   skips slots that the clock shows. There a walk from minute to minute is the oracle.

Zones with the same changes of offset have the same slots, so each such group is compared once.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import takewhile
from zoneinfo import ZoneInfo, available_timezones

import pytest
from cronsim import CronSim

from orchestrator.planning.schedule import slots_between
from tests.support.builders import utc

BEGIN, END = utc("2020-01-01T00:00"), utc("2041-01-01T00:00")
STEP, MARGIN, SECOND, MINUTE = (
    timedelta(days=2),
    timedelta(hours=6),
    timedelta(seconds=1),
    timedelta(minutes=1),
)

WILDCARD_HOURS = ["0 * * * *", "0 */6 * * *", "*/20 * * * *", "30 */2 * * 0,6", "59 *,3 1,15 * 5"]
FIXED_TIMES = [
    "0 2 * * *",
    "30 1 * * *",
    "0,30 0-4 * * *",
    "0 0 * * *",
    "15,45 1-3,23 * * 0",
    "0 3 1 * 1",
]
FIXED_HOURS_ANY_MINUTE = ["*/30 1 * * *", "*/15 0-3,23 * * *", "* 2 * * *"]


@dataclass(frozen=True)
class Change:
    at: datetime
    before: timedelta
    after: timedelta

    @property
    def gap(self) -> tuple[datetime, datetime]:
        """The naive local times that do not exist: from the first until before the second."""
        naive = self.at.replace(tzinfo=None)
        return naive + self.before, naive + self.after

    @property
    def is_on_the_hour(self) -> bool:
        return not any(wall.minute or wall.second for wall in self.gap)


def offset_at(zone: ZoneInfo, at: datetime) -> timedelta:
    return at.astimezone(zone).utcoffset() or timedelta(0)


def changes_of(zone: ZoneInfo) -> Iterator[Change]:
    at, before = BEGIN, offset_at(zone, BEGIN)
    while at < END:
        if offset_at(zone, at + STEP) != before:
            low, high = at, at + STEP
            while high - low > SECOND:
                middle = low + (high - low) // 2
                middle -= timedelta(microseconds=middle.microsecond)
                low, high = (middle, high) if offset_at(zone, middle) == before else (low, middle)
            yield Change(high, before, offset_at(zone, high))
            before = offset_at(zone, high)
        at += STEP


@cache
def zones_by_changes() -> Mapping[tuple[Change, ...], str]:
    """One zone for each distinct history of changes; zones that never change are one group."""
    found: dict[tuple[Change, ...], str] = {}
    for name in sorted(available_timezones()):
        found.setdefault(tuple(changes_of(ZoneInfo(name))), name)
    return found


def changes_to_try() -> Iterator[tuple[ZoneInfo, Change]]:
    for changes, name in zones_by_changes().items():
        for change in changes:
            yield ZoneInfo(name), change


def cronsim_slots(cron: str, zone: ZoneInfo, change: Change) -> list[datetime]:
    start, end = (change.at - MARGIN).astimezone(zone), change.at + MARGIN
    slots = (slot.astimezone(UTC) for slot in CronSim(cron, start))
    return list(takewhile(lambda slot: slot <= end, slots))


def slots_by_walking(cron: str, zone: ZoneInfo, change: Change) -> list[datetime]:
    """Look at the clock on the wall every minute: does it show a time that matches?"""
    naive = change.at.replace(tzinfo=None)
    begin, end = naive - timedelta(days=2), naive + timedelta(days=2)
    matching = set(takewhile(lambda local: local < end, CronSim(cron, begin)))
    minutes = int(2 * MARGIN / MINUTE)
    walk = (change.at - MARGIN + number * MINUTE for number in range(1, minutes + 1))
    return [at for at in walk if at.astimezone(zone).replace(tzinfo=None, fold=0) in matching]


def clock_slots(cron: str, zone: ZoneInfo, change: Change) -> list[datetime]:
    """Every time that matches and exists, in both passes: cronsim's, its leaps mended."""
    theirs = cronsim_slots(cron, zone, change)
    if change.is_on_the_hour:
        return theirs
    walked = slots_by_walking(cron, zone, change)
    assert set(theirs) <= set(walked), (zone, change)
    return walked


def our_slots(cron: str, zone: ZoneInfo, change: Change) -> list[datetime]:
    return list(slots_between(cron, zone, change.at - MARGIN, change.at + MARGIN))


def gap_has_match(cron: str, change: Change) -> bool:
    begin, end = change.gap
    return begin < end and next(CronSim(cron, begin - SECOND)) < end


@pytest.mark.parametrize("cron", WILDCARD_HOURS)
def test_wildcard_hours_equal_cronsim_in_all_zones(cron: str):
    for zone, change in changes_to_try():
        assert our_slots(cron, zone, change) == clock_slots(cron, zone, change), (zone, change)


@pytest.mark.parametrize("cron", FIXED_TIMES)
def test_fixed_times_equal_cronsim_but_for_repetitions_at_the_end_of_a_gap(cron: str):
    for zone, change in changes_to_try():
        theirs = cronsim_slots(cron, zone, change)
        repeated = {slot for slot in theirs if theirs.count(slot) > 1}
        assert our_slots(cron, zone, change) == sorted(set(theirs)), (zone, change)
        assert repeated <= {change.at}, (zone, change)


@pytest.mark.parametrize("cron", FIXED_HOURS_ANY_MINUTE)
def test_fixed_hours_with_any_minute_fire_once_where_cronsim_follows_the_clock(cron: str):
    for zone, change in changes_to_try():
        theirs = clock_slots(cron, zone, change)
        expected = {slot for slot in theirs if slot.astimezone(zone).fold == 0}
        if gap_has_match(cron, change):
            expected.add(change.at)
        assert our_slots(cron, zone, change) == sorted(expected), (zone, change)


@pytest.mark.parametrize("name", ["Europe/London", "America/New_York", "Africa/Casablanca"])
def test_a_fixed_time_equals_cronsim_over_twenty_years_without_a_gap_in_the_comparison(name: str):
    zone = ZoneInfo(name)
    theirs = (slot.astimezone(UTC) for slot in CronSim("30 1 * * *", BEGIN.astimezone(zone)))
    expected = list(takewhile(lambda slot: slot <= END, theirs))
    assert list(slots_between("30 1 * * *", zone, BEGIN, END)) == expected


def test_cronsim_leaps_over_slots_only_where_a_change_is_not_on_the_hour():
    """Difference 3 is real: without it the mended oracle would be cronsim itself."""
    lord_howe = ZoneInfo("Australia/Lord_Howe")
    change = next(changes_of(lord_howe))
    assert not change.is_on_the_hour
    assert cronsim_slots("0 */6 * * *", lord_howe, change) != slots_by_walking(
        "0 */6 * * *", lord_howe, change
    )


def test_no_zone_and_no_kind_of_change_is_left_out():
    shifts = {change.after - change.before for _, change in changes_to_try()}
    assert len(available_timezones()) > 500
    assert {timedelta(minutes=minutes) for minutes in (30, -30, 60, -60, 120, -120)} <= shifts
