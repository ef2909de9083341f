"""Durations such as ``30m`` and windows such as ``3mo``, in the form that the schema checked."""

import re
from datetime import timedelta

from orchestrator.model.policy import CalendarUnit, Window

SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
TYPICAL_HOURS = {
    CalendarUnit.HOURS: 1,
    CalendarUnit.DAYS: 24,
    CalendarUnit.WEEKS: 7 * 24,
    CalendarUnit.MONTHS: 730.5,
    CalendarUnit.YEARS: 12 * 730.5,
}
"""On average; all exact in binary, so that equal windows of different units compare as equal."""


def parse_duration(text: str) -> timedelta:
    """Given text such as ``30m``, return the duration.

    Raises:
        ValueError: the text has another form.
    """
    amount, unit = _split(text)
    if unit not in SECONDS:
        raise ValueError(f"no duration: {text!r}")
    return timedelta(seconds=amount * SECONDS[unit])


def parse_window(text: str) -> Window:
    """Given text such as ``3mo``, return the window.

    Raises:
        ValueError: the text has another form.
    """
    amount, unit = _split(text)
    return Window(amount, CalendarUnit(unit))


def typical_hours(window: Window) -> float:
    """Return how many hours a window has on average, to compare windows of different units."""
    return window.amount * TYPICAL_HOURS[window.unit]


def format_duration(duration: timedelta) -> str:
    """Return a duration in its largest whole unit, such as ``6h``."""
    seconds = int(duration.total_seconds())
    unit = next(unit for unit in "wdhms" if seconds % SECONDS[unit] == 0)
    return f"{seconds // SECONDS[unit]}{unit}"


def _split(text: str) -> tuple[int, str]:
    found = re.fullmatch(r"([1-9][0-9]{0,9})([a-z]+)", text)
    if found is None:
        raise ValueError(f"no amount with a unit: {text!r}")
    return int(found[1]), found[2]
