"""Virtual time: the figures of design §7, outages, and the same answer as a full decision."""

from datetime import datetime, timedelta
from functools import cache
from random import Random, getrandbits
from zoneinfo import ZoneInfo

import pytest

from orchestrator.planning.retention.copies import RetentionRules
from orchestrator.planning.retention.rules import labels_of, look_at
from orchestrator.planning.simulation.simulate import (
    ALL_IS_WELL,
    OUTAGE,
    Outage,
    Simulation,
    simulate_retention,
)
from orchestrator.planning.simulation.simulated_series import SimulatedSeries
from tests.support.builders import a_retention, utc
from tests.support.retention_cases import some_retention

START = utc("2025-01-01T00:00")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
RULES = RetentionRules(retention=a_retention(), zone=ZoneInfo("Europe/London"))


@cache
def walk(
    step: timedelta, days: int, outage: tuple[int, int] | None = None, rules: RetentionRules = RULES
) -> Simulation:
    return simulate_retention(
        rules,
        attempts=[START + number * step for number in range(days * DAY // step)],
        days=days,
        start=START,
        outage=outage and Outage(first=START + outage[0] * DAY, end=START + outage[1] * DAY),
        backup_bytes=1000,
    )


@pytest.mark.slow
def test_hourly_backups_settle_at_about_210_and_nothing_is_ever_held():
    simulation = walk(HOUR, 500)
    assert [205 <= day.kept <= 215 for day in simulation.days[380:]] == [True] * 120
    assert max(day.held for day in simulation.days) == 0
    assert max(day.expired for day in simulation.days) <= 26, "a day of prune_delay, no more"


def test_daily_backups_settle_at_about_49_and_nothing_is_ever_held():
    simulation = walk(DAY, 500)
    assert {day.kept for day in simulation.days[380:]} <= set(range(46, 53))
    assert max(day.held for day in simulation.days) == 0
    assert simulation.by_tier == {"hourly": 7, "daily": 30, "weekly": 13, "monthly": 13}


def test_by_finest_counts_each_kept_copy_once():
    assert all(sum(day.by_finest.values()) == day.kept for day in walk(DAY, 500).days)


def test_no_copy_is_lost_from_the_books():
    simulation = walk(DAY, 500)
    gone = 0
    for day in simulation.days:
        gone += day.pruned
        assert day.kept + day.expired + gone == day.day + 1
        assert day.space == 1000 * (day.kept + day.expired)


@pytest.mark.slow
@pytest.mark.parametrize(("length", "held"), [(5, 118), (45, 184), (400, 192)])
def test_an_outage_prunes_nothing_and_its_backlog_is_held(length: int, held: int):
    first, end = 60, 60 + length
    simulation = walk(HOUR, end + 40, (first, end))
    assert sum(day.pruned for day in simulation.days[first:end]) == 0
    assert {day.kept for day in simulation.days[first:end]} == {simulation.days[first].kept}
    assert [day.held for day in simulation.days[end:]] == [held] * 40


@pytest.mark.parametrize(("length", "held"), [(5, 0), (45, 29), (400, 46)])
def test_after_an_outage_of_daily_backups_ten_need_nobody(length: int, held: int):
    simulation = walk(DAY, 400 + length + 40, (400, 400 + length))
    assert sum(day.pruned for day in simulation.days[400 : 400 + length]) == 0
    assert simulation.held == held


def test_the_same_walk_gives_the_same_result():
    assert walk(DAY, 100) == walk.__wrapped__(DAY, 100)


def full_decision(series: SimulatedSeries, now: datetime) -> dict[str, tuple[str, ...]]:
    moment = look_at(series._shelf, now)
    found = {copy.id: labels_of(copy, moment) for copy in series._shelf.copies}
    return {backup: labels for backup, labels in found.items() if labels}


@pytest.mark.parametrize("batch", range(8))
def test_looking_again_only_where_something_changed_misses_nothing(batch: int):
    seed = getrandbits(32) + batch
    chance = Random(seed)
    rules = RetentionRules(
        retention=some_retention(chance), zone=ZoneInfo(chance.choice(["UTC", "Europe/London"]))
    )
    series, now = SimulatedSeries(rules), START
    step = chance.choice([HOUR / 3, HOUR, 5 * HOUR, DAY, 9 * DAY])
    for number in range(300):
        now += step * chance.choice([1, 1, 1, 2, 30])
        fails = chance.random() < 0.2
        if not fails:
            series.take_backup(now)
        series.pass_at(now, OUTAGE if fails else ALL_IS_WELL)
        assert series.kept == full_decision(series, now), f"seed {seed}, step {number}"
