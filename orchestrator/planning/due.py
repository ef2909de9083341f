"""What a schedule asks for at one instant: done, due, or missed (design §7, "Due.")."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice, takewhile
from zoneinfo import ZoneInfo

from orchestrator.model.backup import Backup, Slot
from orchestrator.model.names import PolicyName, ScheduleName
from orchestrator.model.policy import Policy, Schedule
from orchestrator.planning.phrases import count, say_duration, say_time
from orchestrator.planning.schedule import next_slot, slots_until

COUNTED = 10
"""Missed slots are counted so far; an outage of a year under a schedule of minutes has too many."""

SchedulesSince = Mapping[tuple[PolicyName, ScheduleName, str, str], datetime]
"""When each schedule, in its present form, was first applied."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What one schedule asks for now.

    ``due`` is the slot to take a backup for, or None. ``missed`` says which slots passed without a
    backup and are not made up for, or is None.
    """

    due: Slot | None = None
    missed: str | None = None


def was_applied(policy: Policy, schedule: Schedule, schedules_since: SchedulesSince) -> bool:
    """Tell whether a schedule was ever applied in its present form."""
    return _key(policy, schedule) in schedules_since


def in_force_since(
    policy: Policy, schedule: Schedule, schedules_since: SchedulesSince, now: datetime
) -> datetime:
    """Return since when a schedule promises anything; one that was never applied: from now on."""
    return schedules_since.get(_key(policy, schedule), now)


def _key(policy: Policy, schedule: Schedule) -> tuple[PolicyName, ScheduleName, str, str]:
    return policy.name, schedule.name, schedule.cron, str(policy.timezone)


def assess_schedule(
    schedule: Schedule, zone: ZoneInfo, newest: Backup, *, since: datetime, now: datetime
) -> Demand:
    """Given the newest backup of a series, return what a schedule asks for.

    Of several slots without a backup only the newest can be due, if it is not older than
    ``catch_up``; slots before ``since`` are nobody's promise. Times are aware UTC.
    """
    open_slots = takewhile(
        lambda slot: slot >= since and slot > newest.snapshot_at,
        slots_until(schedule.cron, zone, now),
    )
    found = list(islice(open_slots, COUNTED + 1))
    if not found:
        return Demand()
    latest, earlier = found[0], found[1:]
    if now - latest <= schedule.catch_up:
        missed = _say_missed_earlier(schedule, earlier) if earlier else None
        return Demand(due=Slot(latest, schedule.name), missed=missed)
    return Demand(missed=_say_missed(schedule, zone, found, now))


def _say_missed_earlier(schedule: Schedule, earlier: list[datetime]) -> str:
    slots = _say_number(earlier)
    return (
        f"{schedule.name}: {slots}, the last one {say_time(earlier[0])}, passed without a backup;"
        " only the newest slot is made up for"
    )


def _say_missed(schedule: Schedule, zone: ZoneInfo, found: list[datetime], now: datetime) -> str:
    latest = found[0]
    others = f", like {_say_number(found[1:])} before it," if found[1:] else ""
    return (
        f"{schedule.name}: the slot {say_time(latest)} passed without a backup{others} and is"
        f" {say_duration(now - latest)} old; catch_up is {say_duration(schedule.catch_up)};"
        f" the next slot is {say_time(next_slot(schedule.cron, zone, now))}"
    )


def _say_number(slots: list[datetime]) -> str:
    return f"{COUNTED} or more slots" if len(slots) >= COUNTED else count(len(slots), "slot")
