"""Whether each schedule keeps what it promises, as `status` shows it (design §7, "Due.")."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from orchestrator.model.backup import Backup, Slot
from orchestrator.model.names import ScheduleName, Series
from orchestrator.model.observation import SeriesObservation
from orchestrator.model.policy import Policy, Schedule
from orchestrator.model.timeline import Pause
from orchestrator.planning.due import SchedulesSince, answered_until, in_force_since
from orchestrator.planning.phrases import count, say_duration, say_time
from orchestrator.planning.schedule import next_slot, slots_between

INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """What one schedule promises one series: a backup for each slot, within ``grace``.

    ``broken_since`` is the end of the grace of the first slot that passed without a backup, or
    None. ``is_empty``: backups are listed, and none of them is there to be restored. Times are
    aware UTC.
    """

    series: Series
    schedule: ScheduleName
    broken_since: datetime | None
    is_empty: bool
    next_slot: datetime
    sentence: str

    @property
    def is_kept(self) -> bool:
        """Whether every slot so far had its backup in time, and what was taken is still there."""
        return self.broken_since is None and not self.is_empty


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
    verdict = _say_verdict(schedule, unkept, is_empty=has_no_intact_copy(seen))
    rest = f"{_say_paused(seen.pause, now)}; the next slot is {say_time(coming)}"
    return Promise(
        series=seen.series,
        schedule=schedule.name,
        broken_since=None if unkept is None else unkept + schedule.grace,
        is_empty=has_no_intact_copy(seen),
        next_slot=coming,
        sentence=f"{verdict}: {_say_slot(unkept)}{_say_newest(seen, now)}{rest}",
    )


def has_no_intact_copy(seen: SeriesObservation) -> bool:
    """Tell whether backups of a series are listed, and none that counts has an intact copy."""
    return seen.newest is None and seen.backups > 0


def _say_verdict(schedule: Schedule, unkept: datetime | None, *, is_empty: bool) -> str:
    if unkept is not None:
        return f"broken since {say_time(unkept + schedule.grace)}"
    return "not kept" if is_empty else "kept"


def _say_slot(unkept: datetime | None) -> str:
    return "" if unkept is None else f"the slot {say_time(unkept)} has no backup; "


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


def say_none_intact(seen: SeriesObservation) -> str:
    """``no copy of its 2 backups is intact …``: for who `has_no_intact_copy`."""
    # A clock that was ahead leaves backups from the future, which may be whole (fault F69).
    listed = count(seen.backups, "backup")
    others = "backups from the future and safety copies are not counted"
    return f"no copy of its {listed} is intact ({others})"


def _say_newest(seen: SeriesObservation, now: datetime) -> str:
    newest = seen.newest
    if newest is None:
        is_empty = has_no_intact_copy(seen)
        return say_none_intact(seen) if is_empty else "this series has never had a backup"
    level = newest.level
    proof = "not verified" if level is None else f"verified to {level.label}"
    age = say_duration(now - newest.snapshot_at)
    return f"the newest backup is {newest.id}, {age} old, {proof}"
