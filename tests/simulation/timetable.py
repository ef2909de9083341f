"""When slots fall, from the words of design §7, by walking the calendar day by day.

It knows only the expressions that the simulation uses, and shares nothing with the product.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Rhythm:
    """A schedule: at which minute of which hours, and on which days of the week.

    ``step`` means an hour field of ``*/step``; else ``hour`` is fixed. ``weekday`` is cron's, with
    0 for Sunday, or None for every day.
    """

    name: str
    minute: int
    catch_up: timedelta
    grace: timedelta
    hour: int | None = None
    step: int = 1
    weekday: int | None = None

    @property
    def cron(self) -> str:
        star = "*" if self.step == 1 else f"*/{self.step}"
        hour = star if self.hour is None else str(self.hour)
        return f"{self.minute} {hour} * * {'*' if self.weekday is None else self.weekday}"

    def walk(self, zone: ZoneInfo, after: datetime, until: datetime) -> Iterator[datetime]:
        """Yield the slots with ``after < slot <= until``, ascending."""
        day = after.astimezone(zone).date() - DAY
        last = until.astimezone(zone).date() + DAY
        seen = after
        while day <= last:
            for slot in sorted(self._on(datetime(day.year, day.month, day.day), zone)):  # noqa: DTZ001 - wall time
                if seen < slot <= until:
                    seen = slot
                    yield slot
            day += DAY

    def _on(self, midnight: datetime, zone: ZoneInfo) -> set[datetime]:
        if self.weekday is not None and midnight.isoweekday() % 7 != self.weekday:
            return set()
        if self.hour is not None:
            return {_once(midnight.replace(hour=self.hour, minute=self.minute), zone)}
        walls = (
            midnight.replace(hour=hour, minute=self.minute) for hour in range(0, 24, self.step)
        )
        return {instant for wall in walls for instant in _each(wall, zone)}


def _read(wall: datetime, zone: ZoneInfo, fold: int) -> datetime:
    return wall.replace(tzinfo=zone, fold=fold).astimezone(UTC)


def _exists(wall: datetime, zone: ZoneInfo) -> bool:
    return _read(wall, zone, 0).astimezone(zone).replace(tzinfo=None, fold=0) == wall


def _each(wall: datetime, zone: ZoneInfo) -> set[datetime]:
    """Both passes of a repeated hour; nothing in a gap."""
    return {_read(wall, zone, fold) for fold in (0, 1)} if _exists(wall, zone) else set()


def _once(wall: datetime, zone: ZoneInfo) -> datetime:
    """The first of two passes; the end of the gap if the time does not exist."""
    instant = _read(wall, zone, 0)
    if _exists(wall, zone):
        return instant
    offset = instant.astimezone(zone).utcoffset()
    while (instant - MINUTE).astimezone(zone).utcoffset() == offset:
        instant -= MINUTE
    return instant


@dataclass
class Promise:
    """One rhythm of one policy, in one form, from when it was declared."""

    rhythm: Rhythm
    zone: ZoneInfo
    declared_at: datetime
    """No slot before this time may ever be taken."""
    in_force_since: datetime | None = None
    """When a pass first recorded it; None before."""
    walked_until: datetime | None = None
    open_slots: list[datetime] = field(default_factory=list)

    def advance(self, until: datetime) -> Sequence[datetime]:
        """Add the slots up to a time to those that are open, and return all of them."""
        assert self.in_force_since is not None
        start = self.walked_until or self.in_force_since - timedelta(microseconds=1)
        if until > start:
            self.open_slots.extend(self.rhythm.walk(self.zone, start, until))
            self.walked_until = until
        return self.open_slots

    def latest(self, at: datetime) -> datetime | None:
        """The newest slot at or before a time, looking back nine days at most."""
        return max(self.rhythm.walk(self.zone, at - 9 * DAY, at), default=None)

    def next(self, after: datetime) -> datetime:
        """The first slot after a time."""
        return next(self.rhythm.walk(self.zone, after, after + 9 * DAY))
