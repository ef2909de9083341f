"""Whether each schedule keeps what it promises, as `status` shows it (design §7, "Due.")."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from orchestrator.model.backup import Backup, Slot
from orchestrator.model.names import ScheduleName, Series
from orchestrator.model.observation import SeriesObservation
from orchestrator.model.policy import Policy, Schedule
from orchestrator.model.timeline import Pause
from orchestrator.planning.due import SchedulesSince, answered_until, in_force_since
from orchestrator.planning.phrases import say_duration, say_time
from orchestrator.planning.schedule import next_slot, slots_between

INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """What one schedule promises one series: a backup for each slot, within ``grace``.

    ``broken_since`` is the end of the grace of the first slot that passed without a backup, or
    None while the promise is kept. Times are aware UTC.
    """

    series: Series
    schedule: ScheduleName
    broken_since: datetime | None
    next_slot: datetime
    sentence: str

    @property
    def is_kept(self) -> bool:
        """Whether every slot so far had its backup in time."""
        return self.broken_since is None


def assess_promises(
    policy: Policy, seen: SeriesObservation, *, schedules_since: SchedulesSince, now: datetime
) -> tuple[Promise, ...]:
    """Return the promise of each schedule to a series, kept or broken, sorted by schedule.

    A promise is broken when ``now > slot + grace`` without a backup whose snapshot is not older
    than the slot, *never succeeded* included. Slots before the schedule was applied in its present
    form (``schedules_since``; absent: never applied) are nobody's promise. A pause changes the
    sentence alone: one that lasts longer than a schedule allows breaks its promise.
    """
    return tuple(
        _assess(policy, schedule, seen, in_force_since(policy, schedule, schedules_since, now), now)
        for schedule in sorted(policy.schedules, key=lambda schedule: schedule.name)
    )


def _assess(
    policy: Policy, schedule: Schedule, seen: SeriesObservation, since: datetime, now: datetime
) -> Promise:
    coming = next_slot(schedule.cron, policy.timezone, now)
    unkept = _find_first_unkept(policy, schedule, seen.newest, since, now)
    verdict = (
        f"kept: {_say_newest(seen.newest, now)}"
        if unkept is None
        else f"broken since {say_time(unkept + schedule.grace)}: the slot {say_time(unkept)} has"
        f" no backup; {_say_newest(seen.newest, now)}"
    )
    return Promise(
        series=seen.series,
        schedule=schedule.name,
        broken_since=None if unkept is None else unkept + schedule.grace,
        next_slot=coming,
        sentence=f"{verdict}{_say_paused(seen.pause, now)}; the next slot is {say_time(coming)}",
    )


def _find_first_unkept(
    policy: Policy, schedule: Schedule, newest: Backup | None, since: datetime, now: datetime
) -> datetime | None:
    """Return the first slot after the newest backup whose grace has passed, or None."""
    after, answered = since - INSTANT, frozenset[Slot]()
    if newest is not None:
        after, answered = max(after, answered_until(newest)), frozenset(newest.reason.slots)
    overdue = slots_between(schedule.cron, policy.timezone, after, now - schedule.grace - INSTANT)
    return next((slot for slot in overdue if Slot(slot, schedule.name) not in answered), None)


def say_pause(pause: Pause) -> str:
    """``paused until 2026-11-23T18:00Z by backup@db-host``."""
    return f"paused until {say_time(pause.until)} by {pause.by.user}@{pause.by.host}"


def _say_paused(pause: Pause | None, now: datetime) -> str:
    if pause is None:
        return ""
    if pause.until > now:
        return f"; {say_pause(pause)}"
    return f"; was {say_pause(pause)}, which has passed"


def _say_newest(newest: Backup | None, now: datetime) -> str:
    if newest is None:
        return "this series has never had a backup"
    level = newest.level
    proof = "not verified" if level is None else f"verified to {level.label}"
    age = say_duration(now - newest.snapshot_at)
    return f"the newest backup is {newest.id}, {age} old, {proof}"
