"""Times as people type them: ISO 8601 with dashes, with or without an offset."""

from datetime import UTC, datetime, tzinfo

from orchestrator.errors import UsageError


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
