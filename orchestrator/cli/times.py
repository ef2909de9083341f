"""Times as people type them: ISO 8601 with dashes, with or without an offset."""

from datetime import UTC, datetime, timedelta, tzinfo

from orchestrator.errors import UsageError
from orchestrator.policy.syntax.durations import parse_duration

EARLIEST, LATEST = datetime(1000, 1, 1, tzinfo=UTC), datetime(5000, 1, 1, tzinfo=UTC)
"""Far from the first and the last time there is, so that zones and durations can be reckoned with."""


def parse_time(text: str, zone: tzinfo = UTC) -> datetime:
    """Given ``2026-11-22T10:30`` with or without an offset, return it as aware UTC.

    Without an offset it is read in ``zone``.

    Raises:
        UsageError: it is not a time, or not one between `EARLIEST` and `LATEST`.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(
            f"{text!r} is not a time", next_step="write it as 2026-11-22T10:30 or …T10:30+00:00"
        ) from error
    # Compared before it is converted: beside the first and the last time there is no other zone's.
    aware = moment if moment.tzinfo else moment.replace(tzinfo=zone)
    if (
        not EARLIEST.replace(tzinfo=None)
        <= aware.replace(tzinfo=None)
        < LATEST.replace(tzinfo=None)
    ):
        raise UsageError(
            f"{text!r} is too far away",
            next_step=f"name a time between the years {EARLIEST.year} and {LATEST.year}",
        )
    return aware.astimezone(UTC)


def parse_span(option: str, text: str) -> timedelta:
    """Given the value of an option such as ``30s``, return the duration.

    Raises:
        UsageError: it is not a duration.
    """
    try:
        return parse_duration(text)
    except ValueError as error:
        raise UsageError(
            f"{option} {text!r} is not a duration", next_step="write it as 30s or 5m"
        ) from error
