"""What a schedule asks for at one instant: done, due, or missed (design §7, "Due.")."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice, takewhile
from operator import attrgetter

from orchestrator.model.backup import AnyBackup, Backup, CopyState, Slot
from orchestrator.model.names import PolicyName, ScheduleName
from orchestrator.model.observation import SeriesObservation
from orchestrator.model.policy import Policy, Schedule
from orchestrator.model.timeline import MissedSlots
from orchestrator.planning.clocks import CLOCK_TOLERANCE
from orchestrator.planning.phrases import count, say_duration, say_time
from orchestrator.planning.schedule import next_slot, slots_until

COUNTED = 10
"""Missed slots are counted so far in a plan; an outage of a year has too many."""

COUNTED_ONCE = 10_000
"""And so far where they are recorded, which happens once: a year of hourly slots."""

SchedulesSince = Mapping[tuple[PolicyName, ScheduleName, str, str], datetime]
"""When each schedule, in its present form, was first applied."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What one schedule asks for now.

    ``due`` is the slot to take a backup for, or None. ``missed`` says which slots passed without a
    backup and are not made up for, or is None. ``unrecorded`` are those of them that nobody
    recorded yet, or None.
    """

    due: Slot | None = None
    missed: str | None = None
    unrecorded: MissedSlots | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Timeline:
    """The open slots of one schedule of one series: those that no backup answers."""

    policy: Policy
    schedule: Schedule
    seen: SeriesObservation
    since: datetime
    now: datetime

    def open_slots(self) -> Iterator[datetime]:
        """Yield them, newest first."""
        slots = slots_until(self.schedule.cron, self.policy.timezone, self.now)
        in_force = takewhile(lambda slot: slot >= self.since, slots)
        newest = self.seen.newest
        if newest is None:
            return in_force
        until = answered_until(newest)
        unanswered = takewhile(lambda slot: slot > until, in_force)
        return (
            slot for slot in unanswered if Slot(slot, self.schedule.name) not in newest.reason.slots
        )

    @property
    def recorded_until(self) -> datetime | None:
        return self.seen.missed_until.get(self.schedule.name)


# ------------------------------------------------------------------ which backup answers
def last_good(backups: Iterable[AnyBackup], now: datetime) -> AnyBackup | None:
    """Return the backup of a series that was taken last and has a complete copy, or None.

    The order is that of their sequence numbers, which no clock can change. Backups from the future
    do not count: a clock was ahead when they were taken and has been set back since (fault F69).
    Nor do safety copies: what a restore replaced answers for nothing that came after (ADR 0015).
    """
    newest_first = sorted(backups, key=attrgetter("position"), reverse=True)
    complete = (
        backup
        for backup in newest_first
        if backup.finished_at <= now + CLOCK_TOLERANCE
        and not backup.is_safety_copy
        and any(copy.state is CopyState.COMPLETE for copy in backup.copies)
    )
    return next(complete, None)


def answered_until(backup: Backup) -> datetime:
    """Return up to when a backup answers slots, by our own clock if the database's is ahead."""
    return min(backup.snapshot_at, backup.finished_at)


# ------------------------------------------------------------------ since when
def was_applied(policy: Policy, schedule: Schedule, schedules_since: SchedulesSince) -> bool:
    """Tell whether a schedule was ever applied in its present form."""
    return _key(policy, schedule) in schedules_since


def in_force_since(
    policy: Policy, schedule: Schedule, schedules_since: SchedulesSince, now: datetime
) -> datetime:
    """Return since when a schedule promises anything; one that was never applied: from now on.

    So does one that was applied in the future, by a clock that was ahead.
    """
    return min(schedules_since.get(_key(policy, schedule), now), now)


def _key(policy: Policy, schedule: Schedule) -> tuple[PolicyName, ScheduleName, str, str]:
    return policy.name, schedule.name, schedule.cron, str(policy.timezone)


# ------------------------------------------------------------------ what is asked for
def assess_schedule(
    policy: Policy, schedule: Schedule, seen: SeriesObservation, *, since: datetime, now: datetime
) -> Demand:
    """Given what is known of a series, return what one of its schedules asks for.

    Of several slots without a backup only the newest can be due, if it is not older than
    ``catch_up``; slots before ``since`` are nobody's promise. Times are aware UTC.
    """
    line = _Timeline(policy=policy, schedule=schedule, seen=seen, since=since, now=now)
    found = list(islice(line.open_slots(), COUNTED + 1))
    if not found:
        return Demand()
    latest, earlier = found[0], found[1:]
    is_due = now - latest <= schedule.catch_up
    unrecorded = _find_unrecorded(line, given_up=earlier if is_due else found)
    if not is_due:
        return Demand(missed=_say_missed(line, found), unrecorded=unrecorded)
    return Demand(
        due=Slot(latest, schedule.name),
        missed=_say_missed_earlier(schedule, earlier) if earlier else None,
        unrecorded=unrecorded,
    )


def _find_unrecorded(line: _Timeline, given_up: list[datetime]) -> MissedSlots | None:
    """Return the slots that are given up and not recorded yet; those before ``given_up`` count."""
    # A mark in the future was set by a clock that was ahead; what it covered is counted anew.
    mark = line.recorded_until
    floor = datetime.min.replace(tzinfo=UTC) if mark is None or mark > line.now else mark
    if not given_up or given_up[0] <= floor:
        return None
    newest = given_up[0]
    unrecorded = takewhile(
        lambda slot: slot > floor, (slot for slot in line.open_slots() if slot <= newest)
    )
    slots = list(islice(unrecorded, COUNTED_ONCE))
    return MissedSlots(
        series=line.seen.series,
        schedule=line.schedule.name,
        counted_from=mark,
        first=slots[-1],
        last=newest,
        count=len(slots),
        at_least=len(slots) == COUNTED_ONCE,
    )


def _say_missed_earlier(schedule: Schedule, earlier: list[datetime]) -> str:
    slots = _say_number(earlier)
    return (
        f"{schedule.name}: {slots}, the last one {say_time(earlier[0])}, passed without a backup;"
        " only the newest slot is made up for"
    )


def _say_missed(line: _Timeline, found: list[datetime]) -> str:
    latest, schedule, now = found[0], line.schedule, line.now
    others = f", like {_say_number(found[1:])} before it," if found[1:] else ""
    coming = next_slot(schedule.cron, line.policy.timezone, now)
    return (
        f"{schedule.name}: the slot {say_time(latest)} passed without a backup{others} and is"
        f" {say_duration(now - latest)} old; catch_up is {say_duration(schedule.catch_up)};"
        f" the next slot is {say_time(coming)}"
    )


def _say_number(slots: list[datetime]) -> str:
    return f"{COUNTED} or more slots" if len(slots) >= COUNTED else count(len(slots), "slot")
