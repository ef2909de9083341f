"""Cron expressions as sets of wall-clock times, without any notion of a time zone.

croniter's own zone logic fires fixed hours twice in a repeated hour and shifts wildcard slots out
of a gap; here it only ever sees naive times, and `orchestrator.planning.schedule` maps them to
instants.
"""

import re
from datetime import datetime, timedelta

from croniter import croniter
from croniter.croniter import CroniterBadDateError, CroniterError

from orchestrator.planning.phrases import count

FIELDS = 5
SECOND = timedelta(seconds=1)
MONTHS = {"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"}
WEEKDAYS = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"}
NAMES = frozenset(MONTHS | WEEKDAYS | {"l", "w"})
"""The words a field may use. croniter also knows `R` (random) and `H` (hashed): no fixed times."""


class CronTimes:
    """The wall-clock times that match a cron expression.

    Where both day fields are restricted, either suffices; one that starts with ``*`` is not
    restricted (as in Vixie cron).
    """

    def __init__(self, cron: str) -> None:
        """Given an expression in which `find_cron_trouble` finds none, prepare the search."""
        # Stepping is what costs least in croniter, so one object serves a whole search.
        self._croniter = croniter(cron, datetime(2000, 1, 1), implement_cron_bug=True)  # noqa: DTZ001 naive on purpose

    def after(self, local: datetime) -> datetime | None:
        """Return the first match later than a naive time, or None if there is none in 50 years."""
        try:
            return self._croniter.get_next(datetime, start_time=local)
        except CroniterBadDateError:
            return None

    def at_or_before(self, local: datetime) -> datetime | None:
        """Return the last match not later than a naive time, or None if none in 50 years."""
        bound = local.replace(microsecond=0) + SECOND
        try:
            return self._croniter.get_prev(datetime, start_time=bound)
        except CroniterBadDateError:
            return None


def fires_every_hour_that_exists(cron: str) -> bool:
    """Tell whether the hour field starts with ``*`` (design §7): such slots are never moved."""
    return cron.split()[1].startswith("*")


def find_cron_trouble(cron: str) -> str | None:
    """Return what is wrong with a cron expression, in words, or None if it can be used."""
    fields = cron.split()
    if len(fields) != FIELDS:
        return f"it has {count(len(fields), 'field')}, not {FIELDS} (minute hour day month weekday)"
    for word in re.findall(r"[^\W\d_]+", cron):
        if word.lower() not in NAMES:
            return f"{word!r} is no name of a month or weekday"
    try:
        times = CronTimes(cron)
    except CroniterError as error:
        return str(error)
    if times.after(datetime(2000, 1, 1)) is None:  # noqa: DTZ001 naive on purpose
        return "no date ever matches it"
    return None
