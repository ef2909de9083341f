"""How times and durations read in reasons: the same words in every plan, status and message."""

from datetime import UTC, datetime, timedelta

DAY, HOUR, MINUTE = 86_400, 3_600, 60
STEP = 1024


def say_time(at: datetime) -> str:
    """``2026-03-29T01:00Z``; with seconds where there are any."""
    seconds = ":%S" if at.second else ""
    return at.astimezone(UTC).strftime(f"%Y-%m-%dT%H:%M{seconds}Z")


def say_duration(duration: timedelta) -> str:
    """``9h 5m`` or ``3d 4h``: the two coarsest units that count, seconds only below a minute."""
    total = int(duration.total_seconds())
    if abs(total) < MINUTE:
        return f"{total}s"
    days, rest = divmod(abs(total), DAY)
    hours, rest = divmod(rest, HOUR)
    parts = [(days, "d"), (hours, "h"), (rest // MINUTE, "m")]
    while not parts[0][0]:
        parts.pop(0)
    words = " ".join(f"{amount}{unit}" for amount, unit in parts[:2] if amount)
    return f"-{words}" if total < 0 else words


def say_age(age: timedelta) -> str:
    """``90 min``, ``4 h``, ``3 d``: one unit, the finest that is still short; never below zero."""
    seconds = max(0, int(age.total_seconds()))
    for unit, name, coarser in ((1, "s", MINUTE), (MINUTE, "min", HOUR), (HOUR, "h", DAY)):
        if seconds < 2 * coarser:
            return f"{seconds // unit} {name}"
    return f"{seconds // DAY} d"


def count(number: int, noun: str, nouns: str | None = None) -> str:
    """``1 backup``, ``7,000 backups``; ``nouns`` is the plural where an s does not make it."""
    return f"{number:,} {noun if number == 1 else nouns or f'{noun}s'}"


def say_size(size: float) -> str:
    """``512 B``, ``2.1 GiB``; a size in bytes, or a part of one, is never below zero."""
    value, units = float(size), ["B", "KiB", "MiB", "GiB", "TiB", "PiB"]
    while value >= STEP and len(units) > 1:
        value /= STEP
        units.pop(0)
    return f"{size:.0f} B" if units[0] == "B" else f"{value:.1f} {units[0]}"
