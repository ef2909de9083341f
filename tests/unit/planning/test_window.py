"""Calendar arithmetic of retention windows."""

from zoneinfo import ZoneInfo

import pytest

from orchestrator.planning.window import EARLIEST, subtract_window
from tests.support.builders import a_window, utc

LONDON = ZoneInfo("Europe/London")


@pytest.mark.parametrize(
    ("window", "at", "expected"),
    [
        ("1mo", "2026-03-31T10:00", "2026-02-28T11:00"),  # clamped; 11:00 on both walls
        ("1mo", "2024-03-31T00:30", "2024-02-29T00:30"),
        ("1y", "2024-02-29T10:00", "2023-02-28T10:00"),
        ("14mo", "2026-01-15T10:00", "2024-11-15T10:00"),
        ("12mo", "2026-12-31T10:00", "2025-12-31T10:00"),
        ("1d", "2026-03-29T12:00", "2026-03-28T13:00"),  # a day of 23 hours
        ("24h", "2026-03-29T12:00", "2026-03-28T12:00"),  # hours are elapsed time
        ("1w", "2026-10-26T12:00", "2026-10-19T11:00"),
    ],
)
def test_windows_follow_the_calendar_and_the_clock_on_the_wall(window: str, at: str, expected: str):
    assert subtract_window(a_window(window), LONDON, utc(at)) == utc(expected)


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2026-10-26T01:30", "2026-10-25T00:30"),  # 01:30 exists twice on the 25th
        ("2026-03-30T00:30", "2026-03-29T00:30"),  # 01:30 does not exist on the 29th
    ],
)
def test_of_two_readings_the_earlier_counts_because_it_keeps_more(at: str, expected: str):
    assert subtract_window(a_window("1d"), LONDON, utc(at)) == utc(expected)


@pytest.mark.parametrize(
    "window", ["9999y", "999999mo", "99999999w", "9999999999d", "999999999999h"]
)
def test_a_window_beyond_the_calendar_keeps_everything(window: str):
    assert subtract_window(a_window(window), LONDON, utc("2026-01-01T00:00")) == EARLIEST
