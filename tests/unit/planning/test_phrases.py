"""How times and durations read."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from orchestrator.planning.phrases import count, say_age, say_duration, say_size, say_time


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0s"),
        (59, "59s"),
        (60, "1m"),
        (3599, "59m"),
        (3600, "1h"),
        (3660, "1h 1m"),
        (86_399, "23h 59m"),
        (86_400, "1d"),
        (90_060, "1d 1h"),
        (86_460, "1d"),
        (-30, "-30s"),
        (-7260, "-2h 1m"),
    ],
)
def test_a_duration_has_its_two_coarsest_units(seconds: int, words: str):
    assert say_duration(timedelta(seconds=seconds)) == words


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (341.3, "341 B"),
        (1024, "1.0 KiB"),
        (1536, "1.5 KiB"),
        (1024**2, "1.0 MiB"),
        (2.25 * 1024**3, "2.2 GiB"),
        (5 * 1024**4, "5.0 TiB"),
        (3000 * 1024**5, "3000.0 PiB"),
    ],
)
def test_a_size_is_said_in_the_largest_unit_that_it_fills(size: float, words: str):
    assert say_size(size) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5, "0 s"),
        (119.9, "119 s"),
        (120, "2 min"),
        (5400, "90 min"),
        (7200, "2 h"),
        (172_799, "47 h"),
        (172_800, "2 d"),
        (8_640_000, "100 d"),
    ],
)
def test_an_age_is_said_in_the_finest_unit_that_is_short(seconds: float, words: str):
    assert say_age(timedelta(seconds=seconds)) == words


def test_a_number_is_said_with_its_noun_and_its_thousands_apart():
    assert [count(number, "row") for number in (0, 1, 1825)] == ["0 rows", "1 row", "1,825 rows"]
    assert [count(number, "policy", "policies") for number in (1, 2)] == ["1 policy", "2 policies"]


def test_a_time_is_said_in_utc_with_seconds_only_if_there_are_any():
    london = datetime(2026, 6, 1, 2, 0, tzinfo=ZoneInfo("Europe/London"))
    assert say_time(london) == "2026-06-01T01:00Z"
    assert say_time(london + timedelta(seconds=5)) == "2026-06-01T01:00:05Z"
