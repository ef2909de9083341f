"""When space is too little, now or soon; and which measurements are worth keeping."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.model.alert import Trouble
from orchestrator.model.names import DestinationName
from orchestrator.model.policy import DesiredState, Event, LowStorage
from orchestrator.model.space import Space, SpaceHistory, SpaceMeasurement
from orchestrator.planning.storage import (
    Forecast,
    find_storage_troubles,
    forecast_full,
    forgettable,
    measured_until,
)
from tests.support.builders import a_desired_state, a_policy, a_series

LOCAL = DestinationName("local")
START = datetime(2026, 11, 1, 2, 0, tzinfo=UTC)
GIB = 2**30
WHOLE = 100 * GIB
DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)


def at(moment: datetime, used: float, whole: int = WHOLE) -> SpaceMeasurement:
    """A measurement; ``used`` in GiB."""
    free = max(0, whole - int(used * GIB))
    return SpaceMeasurement(destination=LOCAL, at=moment, space=Space(free=free, whole=whole))


def every(step: timedelta, *used: float) -> list[SpaceMeasurement]:
    """Measurements from START on, with the use in GiB."""
    return [at(START + number * step, one) for number, one in enumerate(used)]


def forecast(measured: Sequence[SpaceMeasurement]) -> Forecast | None:
    return forecast_full(measured, now=measured[-1].at)


def desired(limits: LowStorage | None, *policies: str) -> DesiredState:
    state = a_desired_state(*(a_policy(name) for name in policies or ("practice",)))
    places = {
        name: replace(place, low_storage=limits) for name, place in state.destinations.items()
    }
    return replace(state, destinations=places)


def troubles(
    limits: LowStorage | None, measured: Sequence[SpaceMeasurement], *policies: str
) -> tuple[Trouble, ...]:
    history = SpaceHistory(measurements=tuple(measured))
    now = measured[-1].at if measured else START
    return find_storage_troubles(desired(limits, *policies), {LOCAL: history}, now=now)


# ------------------------------------------------------------------ now
@pytest.mark.parametrize(
    ("limits", "used", "is_low"),
    [
        (LowStorage(free_below=10 * GIB), 90, False),
        (LowStorage(free_below=10 * GIB), 90.1, True),
        (LowStorage(free_below_share=10), 90, False),
        (LowStorage(free_below_share=10), 90.1, True),
        (LowStorage(full_within=DAY), 99.9, False),
        (LowStorage(full_within=DAY), 100, True),
        (None, 100, False),
    ],
)
def test_less_than_what_is_declared_is_too_little(
    limits: LowStorage | None, used: float, *, is_low: bool
):
    assert bool(troubles(limits, [at(START, used)])) is is_low


def test_the_trouble_says_what_is_free_and_whom_it_hits():
    limits = LowStorage(free_below_share=20)
    [trouble] = troubles(limits, [at(START, 85)], "practice", "archive")

    assert (trouble.cause.event, trouble.cause.subject) == (Event.LOW_STORAGE, "destination local")
    assert trouble.series == (a_series("archive"), a_series("practice"))
    assert trouble.error.what == (
        "destination local: 15.0 GiB of 100.0 GiB are free (15 %): less than 20 %"
    )
    assert trouble.error.code == "ORC-309"


def test_the_trouble_began_with_the_first_low_measurement_in_a_row():
    measured = every(HOUR, 95, 50, 91, 95, 92)

    assert troubles(LowStorage(free_below_share=10), measured)[0].since == START + 2 * HOUR


def test_a_place_that_was_never_measured_is_not_judged():
    assert troubles(LowStorage(free_below_share=10), []) == ()


def test_a_place_that_no_policy_uses_is_not_judged():
    state = replace(desired(LowStorage(free_below_share=50)), policies={})
    history = {LOCAL: SpaceHistory(measurements=(at(START, 99),))}

    assert find_storage_troubles(state, history, now=START) == ()


def test_what_a_clock_that_was_ahead_measured_does_not_count():
    limits = LowStorage(free_below_share=10, full_within=DAY)
    low, ahead = at(START, 95), at(START + 400 * DAY, 10)
    history = {LOCAL: SpaceHistory(measurements=(low, ahead))}
    [trouble] = find_storage_troubles(desired(limits), history, now=START + HOUR)

    assert trouble.short == "5.0 GiB of 100.0 GiB are free (5 %)"
    assert measured_until(START, history) == {LOCAL: SpaceHistory(measurements=(low,))}
    assert measured_until(START + 400 * DAY - 5 * MINUTE, history) == history


# ------------------------------------------------------------------ soon
def test_steady_growth_by_the_day_is_continued():
    found = forecast(every(DAY, *range(50, 80)))

    assert found is not None
    # 29 rises, the largest left out: 28 GiB in 29 days, and 21 GiB are free.
    assert found.bytes_per_day / GIB == pytest.approx(28 / 29)
    assert found.full_at - (START + 29 * DAY) == 29 * DAY * (21 / 28)


def test_the_forecast_is_told_once_it_comes_near_enough():
    limits = LowStorage(full_within=timedelta(days=14))
    told = [used for used in range(51, 101) if troubles(limits, every(DAY, *range(50, used)))]

    assert told[0] < 95
    assert told == list(range(told[0], 101))


def test_a_place_that_fills_in_minutes_is_told_of_before_it_is_full():
    limits = LowStorage(full_within=DAY)
    [trouble] = troubles(limits, every(timedelta(seconds=6), *range(0, 60, 10)))

    assert "it is full in 37s at the growth measured since 2026-11-01T02:00Z" in trouble.error.what
    assert "80.0 GiB a minute" in trouble.error.what


@pytest.mark.parametrize(
    "used",
    [
        (10, 60),
        (10, 10, 10, 60, 60, 60),
        (10, 11, 12, 62, 62, 62),
        (50, 50, 50, 50, 50),
        (80, 70, 60, 50, 40),
        (10, 11, 12, 13, 14, 15),
    ],
    ids=["two points", "one jump", "a jump among crumbs", "no growth", "shrinking", "far away"],
)
@pytest.mark.parametrize("step", [timedelta(seconds=10), HOUR, DAY])
def test_what_is_no_trend_is_not_continued(used: tuple[int, ...], step: timedelta):
    assert forecast(every(step, *used)) is None


def test_backups_by_the_hour_and_pruning_by_the_day_are_no_growth():
    day = [40 + hour for hour in range(24)]

    assert forecast(every(HOUR, *day * 6)) is None


def test_growth_below_hourly_backups_is_seen():
    used = [40 + hour / 4 + 4 * day for day in range(8) for hour in range(24)]
    found = forecast(every(HOUR, *used))

    assert found is not None
    assert found.bytes_per_day / GIB == pytest.approx(4, rel=0.3)


def test_what_was_tidied_up_does_not_hide_what_fills_the_place_since():
    measured = every(DAY, *[90] * 20, 10, 18, 26, 34, 42, 50, 58, 66)
    found = forecast(measured)

    assert found is not None
    assert found.since == START + 20 * DAY


def test_growth_before_a_larger_disk_came_does_not_count():
    before = every(DAY, 10, 20, 30, 40, 50, 60, 70, 80)
    after = [at(START + (8 + n) * DAY, 80, whole=10 * WHOLE) for n in range(5)]

    assert forecast([*before, *after]) is None


def test_growth_of_more_than_a_month_ago_does_not_count():
    before = every(DAY, *range(60, 70))
    after = [at(START + n * DAY, 70) for n in range(40, 75)]

    assert forecast([*before, *after]) is None


@given(
    st.lists(st.integers(0, 100), min_size=1, max_size=40),
    st.sampled_from([timedelta(seconds=1), MINUTE, HOUR, DAY]),
)
def test_a_forecast_never_looks_further_than_three_times_as_far_as_it_looks_back(
    used: list[int], step: timedelta
):
    measured = every(step, *used)
    found = forecast(measured)
    if found is not None:
        looks_back = measured[-1].at - found.since
        assert measured[-1].at <= found.full_at <= measured[-1].at + 3.01 * looks_back
        assert found.bytes_per_day > 0


@given(st.lists(st.integers(1, 5), min_size=8, max_size=60))
def test_steady_growth_is_always_told_before_a_place_is_full(rises: list[int]):
    used = [sum(rises[:number]) for number in range(len(rises) + 1)]
    whole = (used[-1] + 1) * GIB
    measured = [at(START + n * DAY, one, whole) for n, one in enumerate(used)]

    [trouble] = troubles(LowStorage(full_within=timedelta(days=14)), measured[-30:])
    assert "it is full in" in trouble.error.what


# ------------------------------------------------------------------ keeping
def simulated(step: timedelta, count: int) -> list[SpaceMeasurement]:
    kept: list[SpaceMeasurement] = []
    for number in range(count):
        now = START + number * step
        kept.append(at(now, number / count * 90))
        gone = forgettable(kept, now=now)
        kept = [one for one in kept if one.at not in gone]
    return kept


@pytest.mark.parametrize(
    ("step", "count"),
    [(timedelta(seconds=9), 1500), (MINUTE * 2, 3000), (timedelta(minutes=25), 1800)],
)
def test_few_hundred_measurements_always_remain_and_tell_the_same(step: timedelta, count: int):
    kept = simulated(step, count)

    assert len(kept) < 400
    assert kept[-1].at == START + (count - 1) * step
    assert kept[-1].at - kept[0].at >= min(timedelta(days=29), 0.7 * count * step)
    whole = forecast([at(START + n * step, n / count * 90) for n in range(count)])
    thinned = forecast(kept)
    assert whole is not None
    assert thinned is not None
    assert abs(whole.full_at - thinned.full_at) < 0.2 * count * step


def test_the_fullest_moment_of_a_day_is_what_remains_of_it():
    measured = every(HOUR, *[50] * 10, 90, *[50] * 13)
    now = START + 10 * DAY

    kept = [one for one in measured if one.at not in forgettable([*measured, at(now, 50)], now=now)]
    assert 90 * GIB in [one.space.used for one in kept]
    assert len(kept) == 2
