"""Whether a destination is running out of space, now or soon (design §9).

Space is what was measured there, not what backups were thought to add: other things fill disks,
too. A forecast is the plain continuation of what was seen, with four limits against nonsense:

- it begins at the lowest use of the last 30 days, so that what was tidied up does not hide what
  fills the place since;
- the largest single rise is left out: one large new database, or one file that somebody copied
  there, is no trend, and neither are fewer than three rises;
- it looks no further ahead than three times as far as it looks back;
- only the fullest moment of each day counts, so that backups by the hour and pruning by the day do
  not look like growth; what climbs within days counts only above all that was used before.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby, pairwise

from orchestrator.errors import LowStorageError
from orchestrator.model.alert import Cause, Trouble
from orchestrator.model.names import DestinationName, Series
from orchestrator.model.policy import DesiredState, Destination, Event
from orchestrator.model.run import ErrorReport
from orchestrator.model.space import SpaceHistory, SpaceMeasurement
from orchestrator.planning.clocks import CLOCK_TOLERANCE
from orchestrator.planning.phrases import say_duration, say_size, say_time

WINDOW = timedelta(days=30)
FEWEST_RISES = 3
LOOK_AHEAD = 3
BY_THE_DAY = timedelta(days=3)
ANOTHER_SIZE = 0.05
"""A whole that differs by more than this share is another disk, or another declared capacity."""

THINNING = (
    (timedelta(days=3), timedelta(days=1)),
    (timedelta(hours=3), timedelta(hours=1)),
    (timedelta(minutes=5), timedelta(minutes=1)),
)
"""Of measurements older than the first, one for each of the second is kept."""

Measurements = Sequence[SpaceMeasurement]


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """At the growth seen from ``since`` on, a place is full at ``full_at``."""

    since: datetime
    bytes_per_day: float
    full_at: datetime


def measured_until(
    now: datetime, space: Mapping[DestinationName, SpaceHistory]
) -> Mapping[DestinationName, SpaceHistory]:
    """Return what is known, without measurements from the future.

    A clock that was ahead left them: they say nothing of how it is now, until their time has come.
    """
    latest = now + CLOCK_TOLERANCE
    return {
        name: replace(
            history, measurements=tuple(one for one in history.measurements if one.at <= latest)
        )
        for name, history in space.items()
    }


def find_storage_troubles(
    desired: DesiredState, space: Mapping[DestinationName, SpaceHistory], *, now: datetime
) -> tuple[Trouble, ...]:
    """Return a trouble for each destination whose space is, or soon will be, too little.

    Judged by the newest measurement, however old: a place that cannot be measured any more keeps
    its trouble. Only destinations that declare ``low_storage`` and that a policy uses are judged.
    """
    users, known = _users(desired), measured_until(now, space)
    return tuple(
        trouble
        for name, place in sorted(desired.destinations.items())
        if name in users
        for trouble in _judge(place, known.get(name, SpaceHistory()), users[name], now)
    )


def forecast_full(measured: Measurements, *, now: datetime) -> Forecast | None:
    """Given measurements of one place, oldest first, return when it is full, or None.

    None means that nothing honest can be said: it does not grow, or was not watched for long enough.
    """
    recent = _of_one_size([one for one in measured if one.at >= now - WINDOW])
    views = (_since_the_lowest(_peaks_of_days(recent)), _latest_climb(recent, now))
    forecasts = [found for found in map(_continue, views) if found is not None]
    return min(forecasts, key=lambda found: found.full_at, default=None)


def forgettable(measured: Measurements, *, now: datetime) -> tuple[datetime, ...]:
    """Return the times of measurements that need not be kept, so that few hundred always remain.

    Of each bucket of time the fullest measurement stays; the newest of all always does.
    """
    kept = {
        max(bucket, key=lambda one: (one.space.used, one.at)).at
        for _, bucket in _buckets(measured, now)
    }
    return tuple(
        one.at
        for one in measured[:-1]
        if one.at not in kept or one.at < now - WINDOW - timedelta(days=1)
    )


def say_forecast(forecast: Forecast, *, now: datetime) -> str:
    """``full in about 9d 3h: 1.2 GiB a day were added since 2026-11-01T02:00Z``."""
    in_a_while = forecast.full_at - now
    when = (
        "full any moment" if in_a_while <= timedelta(0) else f"full in {say_duration(in_a_while)}"
    )
    return f"{when} at the growth measured since {say_time(forecast.since)}: {_say_rate(forecast)}"


def _say_course(forecast: Forecast, now: datetime) -> str:
    left = max(forecast.full_at - now, timedelta(0))
    return f"{say_duration(left)}, at {_say_rate(forecast)}"


def _say_rate(forecast: Forecast) -> str:
    """The growth for a unit of time that lies within what the forecast spans."""
    spanned = forecast.full_at - forecast.since
    for unit, name in ((timedelta(days=1), "a day"), (timedelta(hours=1), "an hour")):
        if spanned >= unit:
            return f"{say_size(forecast.bytes_per_day * (unit / timedelta(days=1)))} {name}"
    return f"{say_size(forecast.bytes_per_day / (24 * 60))} a minute"


# ------------------------------------------------------------------ judging
def _users(desired: DesiredState) -> Mapping[DestinationName, tuple[Series, ...]]:
    users: dict[DestinationName, set[Series]] = {}
    for policy in desired.policies.values():
        for name in policy.destinations:
            users.setdefault(name, set()).update(policy.series)
    return {name: tuple(sorted(series)) for name, series in users.items()}


def _judge(
    place: Destination, history: SpaceHistory, users: tuple[Series, ...], now: datetime
) -> Iterator[Trouble]:
    latest = history.latest
    if latest is None or place.low_storage is None:
        return
    forecast = forecast_full(history.measurements, now=now)
    found = [text for text in (_say_low(place, latest), _say_soon(place, forecast, now)) if text]
    if not found:
        return
    space = latest.space
    facts = (
        (("Full in about", _say_course(forecast, now)),)
        if forecast is not None and _say_soon(place, forecast, now) is None
        else ()
    )
    left = f"{say_size(space.free)} of {say_size(space.whole)} are free ({space.free_share:.0f} %)"
    yield Trouble(
        cause=Cause(Event.LOW_STORAGE, f"destination {place.name}"),
        series=users,
        since=_low_since(place, history.measurements) or latest.at,
        short=left,
        facts=facts,
        error=ErrorReport(
            code=LowStorageError.code,
            what=f"destination {place.name}: {left}: {'; '.join(found)}",
            next_step="make room there, move it to a larger place, or keep less"
            " (`retention`); a full destination takes no backup any more",
        ),
        next_command="orchestrator prune --dry-run",
    )


def _say_low(place: Destination, latest: SpaceMeasurement) -> str | None:
    if not _is_low(place, latest) or place.low_storage is None:
        return None
    if latest.space.free == 0:
        return "it is full"
    share, size = place.low_storage.free_below_share, place.low_storage.free_below
    limit = f"{share:g} %" if share is not None else say_size(size or 0)
    return f"less than {limit}"


def _is_low(place: Destination, measured: SpaceMeasurement) -> bool:
    limits, space = place.low_storage, measured.space
    if limits is None:
        return False
    if space.free == 0:
        return True
    is_below = limits.free_below is not None and space.free < limits.free_below
    share = limits.free_below_share
    return is_below or (share is not None and space.free_share < share)


def _low_since(place: Destination, measured: Measurements) -> datetime | None:
    since = None
    for one in reversed(measured):
        if not _is_low(place, one):
            break
        since = one.at
    return since


def _say_soon(place: Destination, forecast: Forecast | None, now: datetime) -> str | None:
    within = None if place.low_storage is None else place.low_storage.full_within
    if within is None or forecast is None or forecast.full_at - now > within:
        return None
    return f"it is {say_forecast(forecast, now=now)}"


# ------------------------------------------------------------------ forecasting
def _of_one_size(measured: Measurements) -> Measurements:
    """Return what was measured since the whole was what it is now."""
    first = 0
    for number, (before, after) in enumerate(pairwise(measured), 1):
        if abs(after.space.whole - before.space.whole) > ANOTHER_SIZE * before.space.whole:
            first = number
    return measured[first:]


def _peaks_of_days(measured: Measurements) -> Measurements:
    if not measured or measured[-1].at - measured[0].at < BY_THE_DAY:
        return ()
    days = groupby(measured, key=lambda one: one.at.date())
    return [max(day, key=lambda one: (one.space.used, one.at)) for _, day in days]


def _latest_climb(measured: Measurements, now: datetime) -> Measurements:
    """Return the last days, if more is used now than ever before their lowest moment.

    Else it only climbs back to where it was, as it does every day where pruning follows backups.
    """
    climb = _since_the_lowest([one for one in measured if one.at >= now - BY_THE_DAY])
    if not climb:
        return ()
    before = [one.space.used for one in measured if one.at < climb[0].at]
    return climb if climb[-1].space.used > max(before, default=-1) else ()


def _since_the_lowest(measured: Measurements) -> Measurements:
    """Return what was measured since the last time that least was used."""
    if not measured:
        return ()
    lowest = min(one.space.used for one in measured)
    at = max(number for number, one in enumerate(measured) if one.space.used == lowest)
    return measured[at:]


def _continue(measured: Measurements) -> Forecast | None:
    rises = [after.space.used - before.space.used for before, after in pairwise(measured)]
    if sum(rise > 0 for rise in rises) < FEWEST_RISES:
        return None
    first, last = measured[0], measured[-1]
    growth, span = sum(rises) - max(rises), last.at - first.at
    if growth <= 0 or last.space.free > LOOK_AHEAD * growth:
        return None
    return Forecast(
        since=first.at,
        bytes_per_day=growth / (span / timedelta(days=1)),
        full_at=last.at + span * (last.space.free / growth),
    )


def _buckets(
    measured: Measurements, now: datetime
) -> Iterator[tuple[object, Iterator[SpaceMeasurement]]]:
    def bucket(one: SpaceMeasurement) -> tuple[timedelta, float]:
        for older_than, width in THINNING:
            if now - one.at > older_than:
                return width, one.at.timestamp() // width.total_seconds()
        return timedelta(0), one.at.timestamp()

    return groupby(measured, key=bucket)
