"""Times as people type them: ISO 8601 with dashes, with or without an offset."""

from datetime import UTC, datetime, timedelta, tzinfo

from orchestrator.errors import UsageError
from orchestrator.policy.syntax.durations import parse_duration


def parse_time(text: str, zone: tzinfo = UTC) -> datetime:
    """Given ``2026-11-22T10:30`` with or without an offset, return it as aware UTC.

    Without an offset it is read in ``zone``.

    Raises:
        UsageError: it is not a time.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(
            f"{text!r} is not a time", next_step="write it as 2026-11-22T10:30 or …T10:30+00:00"
        ) from error
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)


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
