"""When schedules fire, around the nights on which clocks change (design §7)."""

from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest

from orchestrator.planning.schedule import latest_slot, next_slot, slots_between, slots_until
from tests.support.builders import utc

LONDON = ZoneInfo("Europe/London")
SECOND = timedelta(seconds=1)


def slots_of_day(cron: str, zone: ZoneInfo, day: str) -> list[str]:
    """The slots from one local midnight to the next, as ``DDTHH:MMZ``."""
    midnight = datetime.fromisoformat(day)
    start = midnight.replace(tzinfo=zone).astimezone(UTC)
    end = (midnight + timedelta(days=1)).replace(tzinfo=zone).astimezone(UTC)
    slots = slots_between(cron, zone, start - SECOND, end - SECOND)
    return [f"{slot:%dT%H:%MZ}" for slot in slots]


EVERY_HOUR_IN_SPRING = ["29T00:00Z"] + [f"29T{hour:02}:00Z" for hour in range(1, 23)]
EVERY_HOUR_IN_AUTUMN = ["24T23:00Z"] + [f"25T{hour:02}:00Z" for hour in range(24)]


@pytest.mark.parametrize(
    ("cron", "in_spring", "in_autumn"),
    [
        ("0 2 * * *", ["29T01:00Z"], ["25T02:00Z"]),
        ("30 1 * * *", ["29T01:00Z"], ["25T00:30Z"]),
        ("*/30 1 * * *", ["29T01:00Z"], ["25T00:00Z", "25T00:30Z"]),
        (
            "0 */6 * * *",
            ["29T00:00Z", "29T05:00Z", "29T11:00Z", "29T17:00Z"],
            ["24T23:00Z", "25T06:00Z", "25T12:00Z", "25T18:00Z"],
        ),
        ("0 * * * *", EVERY_HOUR_IN_SPRING, EVERY_HOUR_IN_AUTUMN),
    ],
)
def test_the_table_of_the_design_holds_in_london(
    cron: str, in_spring: list[str], in_autumn: list[str]
):
    assert slots_of_day(cron, LONDON, "2026-03-29") == in_spring
    assert slots_of_day(cron, LONDON, "2026-10-25") == in_autumn


def test_an_hourly_schedule_runs_23_times_in_spring_and_25_times_in_autumn():
    assert len(slots_of_day("0 * * * *", LONDON, "2026-03-29")) == 23
    assert len(slots_of_day("0 * * * *", LONDON, "2026-10-25")) == 25


def test_a_wildcard_slot_inside_the_gap_does_not_fire():
    assert slots_of_day("30 */1 * * *", LONDON, "2026-03-29")[:2] == ["29T00:30Z", "29T01:30Z"]


def test_a_wildcard_slot_fires_in_both_passes_of_the_repeated_hour():
    expected = ["24T23:30Z", "25T00:30Z", "25T01:30Z", "25T02:30Z"]
    assert slots_of_day("30 * * * *", LONDON, "2026-10-25")[:4] == expected


def test_a_slot_of_the_gap_and_one_at_its_end_are_one():
    assert slots_of_day("30 1,2 * * *", LONDON, "2026-03-29") == ["29T01:00Z", "29T01:30Z"]
    assert slots_of_day("0,30 1,2 * * *", LONDON, "2026-03-29") == ["29T01:00Z", "29T01:30Z"]


@pytest.mark.parametrize(
    ("zone", "cron", "day", "expected"),
    [
        # A change by 30 minutes: 02:00 becomes 02:30, and 02:00 goes back to 01:30.
        ("Australia/Lord_Howe", "15 2 * * *", "2026-10-04", ["03T15:30Z"]),
        ("Australia/Lord_Howe", "45 1 * * *", "2026-04-05", ["04T14:45Z"]),
        (
            "Australia/Lord_Howe",
            "*/15 * * * *",
            "2026-04-05",
            [f"04T{13 + minute // 60:02}:{minute % 60:02}Z" for minute in range(0, 660, 15)]
            + [f"05T{minute // 60:02}:{minute % 60:02}Z" for minute in range(0, 810, 15)],
        ),
        # Negative DST: Dublin's winter time is the deviation.
        ("Europe/Dublin", "30 1 * * *", "2026-03-29", ["29T01:00Z"]),
        ("Europe/Dublin", "30 1 * * *", "2026-10-25", ["25T00:30Z"]),
        # A gap at midnight: 24 April 2026 begins at 01:00 in Cairo.
        ("Africa/Cairo", "0 0 * * *", "2026-04-24", ["23T22:00Z"]),
        (
            "Africa/Cairo",
            "0 * * * 5",
            "2026-04-24",
            [f"{23 + h // 24}T{h % 24:02}:00Z" for h in range(22, 45)],
        ),
        # A repeated hour at midnight: 29 October 2026 23:00 to 24:00 exists twice in Cairo.
        ("Africa/Cairo", "30 23 * * *", "2026-10-29", ["29T20:30Z"]),
    ],
)
def test_uncommon_changes_follow_the_same_rules(
    zone: str, cron: str, day: str, expected: list[str]
):
    assert slots_of_day(cron, ZoneInfo(zone), day) == expected


@pytest.mark.parametrize("cron", ["0 2 * * *", "0,30 1-5 * * *", "59 23 * * *"])
def test_a_gap_of_a_whole_day_fires_fixed_slots_once_at_its_end(cron: str):
    apia = ZoneInfo("Pacific/Apia")  # 30 December 2011 does not exist there
    before, gap_end = utc("2011-12-30T09:59:59"), utc("2011-12-30T10:00")
    assert next_slot(cron, apia, before) == gap_end
    assert next_slot(cron, apia, gap_end) > gap_end
    assert latest_slot(cron, apia, gap_end) == gap_end


def test_a_gap_of_a_whole_day_does_not_fire_wildcard_slots():
    apia = ZoneInfo("Pacific/Apia")
    slots = slots_between("30 * * * *", apia, utc("2011-12-30T09:00"), utc("2011-12-30T11:00"))
    assert list(slots) == [utc("2011-12-30T09:30"), utc("2011-12-30T10:30")]


def test_bounds_are_exclusive_below_and_inclusive_above():
    two, next_two = utc("2026-06-01T01:00"), utc("2026-06-02T01:00")
    assert list(slots_between("0 2 * * *", LONDON, two, next_two)) == [next_two]
    assert next_slot("0 2 * * *", LONDON, two) == next_two
    assert latest_slot("0 2 * * *", LONDON, two) == two
    assert latest_slot("0 2 * * *", LONDON, two - timedelta(microseconds=1)) == two - timedelta(1)


def test_bounds_may_be_given_in_any_zone():
    tokyo = datetime(2026, 6, 1, 9, tzinfo=ZoneInfo("Asia/Tokyo"))
    slot = next_slot("0 2 * * *", LONDON, tokyo)
    assert slot == utc("2026-06-01T01:00")
    assert slot.tzinfo is UTC


def test_both_days_restricted_means_either_as_in_cron():
    slots = slots_between(
        "0 3 1 * 1", ZoneInfo("UTC"), utc("2026-06-30T00:00"), utc("2026-07-14T00:00")
    )
    assert [slot.day for slot in slots] == [1, 6, 13]


def test_a_day_field_that_starts_with_a_star_does_not_count_as_restricted():
    slots = slots_between(
        "0 3 */10 * 1", ZoneInfo("UTC"), utc("2026-05-01T00:00"), utc("2026-07-01T00:00")
    )
    assert [f"{slot:%m-%d}" for slot in slots] == ["05-11", "06-01"]


def test_a_leap_day_is_found_in_both_directions():
    assert next_slot("0 0 29 2 *", LONDON, utc("2024-02-29T00:00")) == utc("2028-02-29T00:00")
    assert latest_slot("0 0 29 2 *", LONDON, utc("2028-02-28T23:59")) == utc("2024-02-29T00:00")


def test_an_expression_that_never_fires_is_said_so():
    assert latest_slot("0 0 30 2 *", LONDON, utc("2026-01-01T00:00")) is None
    with pytest.raises(ValueError, match="never fires"):
        next_slot("0 0 30 2 *", LONDON, utc("2026-01-01T00:00"))


def test_the_walk_backwards_goes_on_without_end():
    days = islice(slots_until("0 2 * * *", LONDON, utc("2026-03-31T00:00")), 3)
    assert list(days) == [utc("2026-03-30T01:00"), utc("2026-03-29T01:00"), utc("2026-03-28T02:00")]
