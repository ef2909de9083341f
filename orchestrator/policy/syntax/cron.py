"""The cron expressions that a policy may use: five standard fields, nothing that programs disagree on.

croniter knows much more (seconds, years, ``L``, ``W``, ``#``, ``R``, ``H``, ranges that wrap
around); a backup must not be missed because two programs read an expression differently.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache

from croniter import croniter

from orchestrator.planning.cron import CronTimes, find_cron_trouble
from orchestrator.policy.problems import did_you_mean, quoted

ITEM = re.compile(
    r"(?P<first>\*|[0-9a-z]+)(-(?P<last>[0-9a-z]+))?(/(?P<step>[0-9]{1,4}))?", re.IGNORECASE
)
NICKNAMES = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
SUNDAY_AT_THE_END = 7
REFERENCE = datetime(2024, 1, 1)  # noqa: DTZ001 wall-clock time; a leap year, so that 29 February comes
WEEKS_LOOKED_AT = timedelta(weeks=5)
SHORT_ENOUGH = timedelta(hours=2)


def _numbered(words: str, first: int) -> dict[str, int]:
    return {word: number for number, word in enumerate(words.split(), start=first)}


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    low: int
    high: int
    names: Mapping[str, int] = field(default_factory=dict)


FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of the month", 1, 31),
    _Field("month", 1, 12, _numbered("jan feb mar apr may jun jul aug sep oct nov dec", 1)),
    _Field("day of the week", 0, 7, _numbered("sun mon tue wed thu fri sat", 0)),
)


class CronSyntaxError(ValueError):
    """A cron expression cannot be used; ``hint`` may be empty."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


@lru_cache(maxsize=4096)
def check_cron(text: str) -> str:
    """Return the expression with single spaces between its five fields.

    Raises:
        CronSyntaxError: it is not a standard expression, or no date ever matches it.
    """
    parts = text.split()
    if len(parts) != len(FIELDS):
        raise _wrong_number_of_fields(text, parts)
    for declared, part in zip(FIELDS, parts, strict=True):
        for item in part.split(","):
            _check_item(declared, item)
    cron = " ".join(parts)
    if not croniter.is_valid(cron, strict=True) or find_cron_trouble(cron) is not None:
        raise CronSyntaxError(f"no date ever matches {quoted(cron)}")
    return cron


@lru_cache(maxsize=4096)
def shortest_gap(cron: str) -> timedelta:
    """Return the shortest time between two slots that follow each other, by the clock on the wall.

    It is looked for in five weeks from a fixed date (or between the first two slots, if they are
    further apart), and not further once it is two hours or less: no decision depends on more.
    """
    times = CronTimes(cron)
    earlier = times.after(REFERENCE)
    gap = timedelta.max
    while earlier is not None and gap > SHORT_ENOUGH:
        later = times.after(earlier)
        if later is None:
            break
        gap = min(gap, later - earlier)
        if later - REFERENCE > WEEKS_LOOKED_AT:
            break
        earlier = later
    return gap


def _wrong_number_of_fields(text: str, parts: list[str]) -> CronSyntaxError:
    nickname = NICKNAMES.get(text.strip().lower())
    if nickname is not None:
        return CronSyntaxError(f"{quoted(text)} is not allowed", f"write {quoted(nickname)}")
    return CronSyntaxError(
        f"a cron expression has five fields, and {quoted(text)} has {len(parts)}",
        "they are: minute, hour, day of the month, month, day of the week",
    )


def _check_item(declared: _Field, item: str) -> None:
    found = ITEM.fullmatch(item)
    if found is None or (found["first"] == "*" and found["last"] is not None):
        raise CronSyntaxError(
            f"{quoted(item)} cannot be the {declared.name}", "allowed: `*`, `*/5`, `1-5`, `1,15`"
        )
    first, last = _bounds(declared, found)
    if first > last:
        raise CronSyntaxError(
            f"the {declared.name} range {quoted(item)} ends before it begins",
            "write it as two ranges with a comma",
        )
    if found["step"] is not None:
        _check_step(declared, item, int(found["step"]), last - first)


def _bounds(declared: _Field, found: re.Match[str]) -> tuple[int, int]:
    if found["first"] == "*":
        return declared.low, declared.high
    first = _value(declared, found["first"])
    if found["last"] is not None:
        last = _value(declared, found["last"])
        # `fri-sun` is meant, although Sunday is 0 by name.
        ends_on_sunday = last == 0 and not found["last"].isdigit()
        return first, SUNDAY_AT_THE_END if ends_on_sunday else last
    if found["step"] is not None:
        raise CronSyntaxError(
            f"{quoted(found[0])} has a step without a range",
            f"write {quoted(f'{first}-{declared.high}/' + found['step'])}",
        )
    return first, first


def _check_step(declared: _Field, item: str, step: int, width: int) -> None:
    if step == 0 or step > width:
        raise CronSyntaxError(
            f"the step of the {declared.name} {quoted(item)} does not fit",
            f"it may be 1 to {width}" if width else "leave it out",
        )


def _value(declared: _Field, word: str) -> int:
    if not word.isdigit():
        if word.lower() in declared.names:
            return declared.names[word.lower()]
        raise CronSyntaxError(
            f"{quoted(word)} cannot be the {declared.name}",
            did_you_mean(word, declared.names, nothing=f"{declared.low} to {declared.high}"),
        )
    value = int(word)
    if not declared.low <= value <= declared.high:
        raise CronSyntaxError(
            f"the {declared.name} {quoted(word)} is outside {declared.low} to {declared.high}"
        )
    return value
