"""The schedules and the retention of a policy."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from itertools import pairwise

from orchestrator.model.names import ScheduleName
from orchestrator.model.policy import CalendarUnit, Retention, Schedule, Tier, Window
from orchestrator.policy.problems import ProblemLog, quoted
from orchestrator.policy.reading.section import Section, Text
from orchestrator.policy.syntax.cron import CronSyntaxError, check_cron, shortest_gap
from orchestrator.policy.syntax.durations import (
    format_duration,
    parse_duration,
    parse_window,
    typical_hours,
)

GRACE = timedelta(minutes=30)
SHORTEST_CATCH_UP = timedelta(hours=1)
LONGEST_CATCH_UP = timedelta(hours=12)
MIN_KEEP = 3
PRUNE_DELAY = timedelta(hours=24)
BUCKETS = {
    Tier.HOURLY: timedelta(hours=1),
    Tier.DAILY: timedelta(days=1),
    Tier.WEEKLY: timedelta(weeks=1),
    Tier.MONTHLY: timedelta(days=31),
    Tier.YEARLY: timedelta(days=366),
}
"""The longest that each bucket of the calendar can be, from fine to coarse."""


def interpret_schedules(policy: Section, log: ProblemLog) -> tuple[Schedule, ...]:
    """Return the schedules of a policy's section that are right; the others are reported."""
    found = (_schedule(name, section, log) for name, section in policy.named("schedules"))
    return tuple(schedule for schedule in found if schedule is not None)


def _schedule(name: Text, section: Section, log: ProblemLog) -> Schedule | None:
    written = section.text("cron")
    if written is None:
        return None
    try:
        cron = check_cron(written.value)
    except CronSyntaxError as error:
        log.report(written.place, str(error), error.hint)
        return None
    return Schedule(
        name=ScheduleName(name.value),
        cron=cron,
        catch_up=_duration(section, "catch_up") or default_catch_up(cron),
        grace=_duration(section, "grace") or GRACE,
    )


def _duration(section: Section, key: str) -> timedelta | None:
    text = section.text(key)
    return None if text is None else parse_duration(text.value)


def default_catch_up(cron: str) -> timedelta:
    """Return half the schedule's period, at least an hour and at most twelve (design §3)."""
    return max(SHORTEST_CATCH_UP, min(LONGEST_CATCH_UP, shortest_gap(cron) / 2))


def interpret_retention(
    section: Section, schedules: Sequence[Schedule], log: ProblemLog
) -> Retention:
    """Return the retention; windows that do not grow are reported, useless tiers warned about."""
    written = dict(_written_tiers(section.section("tiers")))
    tiers = {tier: parse_window(text.value) for tier, text in written.items()}
    _check_growth(written, tiers, log)
    _check_fineness(written, schedules, log)
    _check_hours(written, tiers, log)
    return Retention(
        tiers=tiers,
        min_keep=section.number("min_keep") or MIN_KEEP,
        prune_delay=_duration(section, "prune_delay") or PRUNE_DELAY,
    )


def _written_tiers(section: Section) -> Iterator[tuple[Tier, Text]]:
    for tier in BUCKETS:
        text = section.text(tier.value)
        if text is not None:
            yield tier, text


def _check_growth(
    written: Mapping[Tier, Text], tiers: Mapping[Tier, Window], log: ProblemLog
) -> None:
    for finer, coarser in pairwise(tiers):
        if typical_hours(tiers[coarser]) <= typical_hours(tiers[finer]):
            log.report(
                written[coarser].place,
                f"the {coarser.value} window {quoted(str(tiers[coarser]))} must be longer than "
                f"the {finer.value} window {quoted(str(tiers[finer]))}",
                "a coarser tier that keeps no longer keeps nothing more",
            )


def _check_hours(
    written: Mapping[Tier, Text], tiers: Mapping[Tier, Window], log: ProblemLog
) -> None:
    window = tiers.get(Tier.HOURLY)
    if window is not None and window.unit in (CalendarUnit.MONTHS, CalendarUnit.YEARS):
        log.warn_about(
            written[Tier.HOURLY].place,
            f"the hourly window {quoted(str(window))} follows the calendar, so that hourly backups of"
            " up to three days expire in one leap after a shorter month",
            f"write it in hours, days or weeks, such as `{int(typical_hours(window)) // 24}d`",
        )


def _check_fineness(
    written: Mapping[Tier, Text], schedules: Sequence[Schedule], log: ProblemLog
) -> None:
    gap = min((shortest_gap(schedule.cron) for schedule in schedules), default=timedelta(0))
    for tier, text in written.items():
        if BUCKETS[tier] < gap:
            log.warn_about(
                text.place,
                f"the {tier.value} tier is finer than the schedules",
                f"backups come every {format_duration(gap)} at most: each of them is kept this long",
            )
