"""What holds for the slots of every schedule, in every zone, at every time."""

from datetime import UTC, datetime, timedelta
from itertools import takewhile
from zoneinfo import ZoneInfo

from cronsim import CronSim
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.planning.cron import fires_every_hour_that_exists
from orchestrator.planning.schedule import latest_slot, next_slot, slots_between, slots_until
from tests.support.builders import utc

SECOND = timedelta(seconds=1)

CHANGES = {
    "Europe/London": ["2026-03-29T01:00", "2026-10-25T01:00"],
    "America/New_York": ["2026-03-08T07:00", "2026-11-01T06:00"],
    "Australia/Lord_Howe": ["2026-04-04T15:00", "2026-10-03T15:30"],
    "Africa/Cairo": ["2026-04-23T22:00", "2026-10-29T21:00"],
    "Europe/Dublin": ["2045-03-26T01:00", "2045-10-29T01:00"],
    "Pacific/Apia": ["2011-12-30T10:00"],
    "Pacific/Kwajalein": ["1993-08-21T12:00"],
    "America/Caracas": ["2007-12-09T07:00", "2016-05-01T07:00"],
    "Antarctica/Troll": ["2026-03-29T01:00", "2026-10-25T01:00"],
    "UTC": ["2026-01-01T00:00"],
}
PLACES = [(ZoneInfo(zone), utc(at)) for zone, times in CHANGES.items() for at in times]

minutes = st.sampled_from(["0", "30", "59", "*/20", "15,45", "7-9", "*"])
hours = st.sampled_from(["*", "*/2", "*/6", "0", "1", "2", "23", "0-3", "1,2,22"])
days = st.sampled_from(["*", "*", "1", "*/2", "28-31"])
weekdays = st.sampled_from(["*", "*", "0", "1-5"])
crons = st.tuples(minutes, hours, days, st.just("*"), weekdays).map(" ".join)
# Minutes before and after a change of offset, with odd seconds.
distances = st.timedeltas(timedelta(hours=-30), timedelta(hours=30))
quick = settings(max_examples=60)


@quick
@given(crons, st.sampled_from(PLACES), distances, st.timedeltas(SECOND, timedelta(hours=30)))
def test_both_directions_and_the_single_steps_agree(
    cron: str, place: tuple[ZoneInfo, datetime], distance: timedelta, length: timedelta
):
    zone, after = place[0], place[1] + distance
    until = after + length
    slots = list(slots_between(cron, zone, after, until))
    backwards = takewhile(lambda slot: slot > after, slots_until(cron, zone, until))
    assert list(backwards) == slots[::-1]
    assert slots == sorted(set(slots))
    if slots:
        assert next_slot(cron, zone, after) == slots[0]
        assert latest_slot(cron, zone, until) == slots[-1]
    else:
        assert next_slot(cron, zone, after) > until


@quick
@given(crons, st.sampled_from(PLACES), distances, distances)
def test_a_stretch_of_time_has_the_slots_of_its_parts(
    cron: str, place: tuple[ZoneInfo, datetime], first: timedelta, second: timedelta
):
    zone, change = place
    begin, middle = sorted((change + first, change + second))
    end = change + timedelta(hours=40)
    parts = [*slots_between(cron, zone, begin, middle), *slots_between(cron, zone, middle, end)]
    assert list(slots_between(cron, zone, begin, end)) == parts


@quick
@given(crons, st.sampled_from(PLACES), distances)
def test_every_slot_shows_a_matching_time_or_is_the_end_of_a_gap(
    cron: str, place: tuple[ZoneInfo, datetime], distance: timedelta
):
    zone, after = place[0], place[1] + distance
    for slot in slots_between(cron, zone, after, after + timedelta(hours=12)):
        wall, moment_before = wall_at(zone, slot), wall_at(zone, slot - SECOND)
        is_end_of_gap = wall - moment_before > SECOND and next(CronSim(cron, moment_before)) < wall
        matches_itself = next(CronSim(cron, wall - SECOND)) == wall
        assert matches_itself or (is_end_of_gap and not fires_every_hour_that_exists(cron))
        assert slot.tzinfo is UTC


def wall_at(zone: ZoneInfo, instant: datetime) -> datetime:
    return instant.astimezone(zone).replace(tzinfo=None, fold=0)
