"""Calendar arithmetic of retention windows (design §7): a month is a month, not thirty days."""

from calendar import monthrange
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from orchestrator.model.policy import CalendarUnit, Window

EARLIEST = datetime.min.replace(tzinfo=UTC)
MONTHS_IN_YEAR = 12


def subtract_window(window: Window, zone: ZoneInfo, at: datetime) -> datetime:
    """Return the aware UTC time that lies a window before an aware time.

    Hours are elapsed time. Days, weeks, months and years go back on the calendar and the clock on
    the wall of the zone; months and years clamp to the last day of the month. Where the local time
    found exists twice or not at all, the earlier reading counts: it keeps more. A window that
    reaches beyond the calendar gives the earliest time there is.
    """
    try:
        return _subtract(window, zone, at)
    except (OverflowError, ValueError):
        return EARLIEST


def _subtract(window: Window, zone: ZoneInfo, at: datetime) -> datetime:
    wall = at.astimezone(zone).replace(tzinfo=None)
    match window.unit:
        case CalendarUnit.HOURS:
            return at.astimezone(UTC) - timedelta(hours=window.amount)
        case CalendarUnit.DAYS:
            wall -= timedelta(days=window.amount)
        case CalendarUnit.WEEKS:
            wall -= timedelta(weeks=window.amount)
        case CalendarUnit.MONTHS:
            wall = _subtract_months(wall, window.amount)
        case CalendarUnit.YEARS:
            wall = _subtract_months(wall, window.amount * MONTHS_IN_YEAR)
    return min(wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))


def _subtract_months(wall: datetime, months: int) -> datetime:
    year, month = divmod(wall.year * MONTHS_IN_YEAR + wall.month - 1 - months, MONTHS_IN_YEAR)
    _, last_day = monthrange(year, month + 1)
    return wall.replace(year=year, month=month + 1, day=min(wall.day, last_day))
