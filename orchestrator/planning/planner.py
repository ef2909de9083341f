"""From what is wanted and what is there to what shall be done, and why (design §5, §7)."""

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from heapq import merge
from itertools import chain, islice

from orchestrator.model.actions import RecoverSeries, TakeBackup, Upkeep, VerifyCopy
from orchestrator.model.backup import Backup, CopyState, RunReason, Slot, Trigger
from orchestrator.model.lease import Lease
from orchestrator.model.names import Series
from orchestrator.model.observation import LeaseObservation, Observation, SeriesObservation
from orchestrator.model.plan import Plan, Retry, SkipKind, Skipped, Timetable
from orchestrator.model.policy import DesiredState, Policy, Schedule
from orchestrator.model.timeline import MissedSlots, Pause
from orchestrator.model.verification import Level
from orchestrator.planning.due import (
    Demand,
    SchedulesSince,
    assess_schedule,
    in_force_since,
    was_applied,
)
from orchestrator.planning.phrases import say_duration, say_time
from orchestrator.planning.promises import say_pause
from orchestrator.planning.retries import find_rest
from orchestrator.planning.schedule import latest_slot, slots_after

SLOTS_SHOWN = 3
NO_SLOT = "no schedule has a slot to come"
LONG_OVERDUE = datetime.min.replace(tzinfo=UTC)
FIRST_BACKUP_WINDOW = timedelta(days=1)
"""How long failures of the first backup of a series count, unless a slot begins them anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """One series to decide about: its policy, what was seen of it, and when."""

    policy: Policy
    seen: SeriesObservation
    schedules_since: SchedulesSince
    now: datetime
    retry: Retry

    @property
    def series(self) -> Series:
        return self.seen.series

    @property
    def pause(self) -> Pause | None:
        pause = self.seen.pause
        return pause if pause is not None and pause.until > self.now else None

    @property
    def schedules(self) -> Sequence[Schedule]:
        return sorted(self.policy.schedules, key=lambda schedule: schedule.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Verdict:
    """What was decided about one series."""

    recoveries: Sequence[RecoverSeries] = ()
    verifications: Sequence[VerifyCopy] = ()
    backups: Sequence[TakeBackup] = ()
    upkeep: Sequence[Upkeep] = ()
    skipped: Sequence[Skipped] = ()
    missed: Sequence[MissedSlots] = ()


def make_plan(
    desired: DesiredState, observation: Observation, *, retry: Retry = Retry.AT_ONCE
) -> Plan:
    """Return the plan that would make reality match the policies at the time of the observation.

    A series that the observation does not mention counts as one that never had a backup. ``retry``
    says when what failed is tried again. Equal input, in whatever order, gives an equal plan.
    """
    cases = _list_cases(desired, observation, retry)
    verdicts = [_decide(case) for case in cases]
    verdicts += [_decide_retired(seen) for seen in observation.retired]
    return Plan(
        observed_at=observation.now,
        revision=desired.revision,
        revision_is_new=observation.applied_revision != desired.revision.digest,
        actions=(
            *chain.from_iterable(verdict.recoveries for verdict in verdicts),
            *chain.from_iterable(verdict.verifications for verdict in verdicts),
            *sorted(chain.from_iterable(verdict.backups for verdict in verdicts), key=_urgency),
            *chain.from_iterable(verdict.upkeep for verdict in verdicts),
        ),
        skipped=tuple(chain.from_iterable(verdict.skipped for verdict in verdicts)),
        timetables=tuple(_look_ahead(case) for case in cases),
        missed=tuple(chain.from_iterable(verdict.missed for verdict in verdicts)),
    )


def wake_time(plan: Plan) -> datetime | None:
    """Return the first time at which a later plan may have more to do, or None if nothing comes.

    That is a slot, the next try of what failed, or the end of a lease or a pause.
    """
    slots = (slot.at for timetable in plan.timetables for slot in timetable.next_slots)
    ends = (skip.until for skip in plan.skipped if skip.until is not None)
    return min(chain(slots, ends), default=None)


def _list_cases(desired: DesiredState, observation: Observation, retry: Retry) -> Sequence[_Case]:
    """Return every series of every policy, sorted; the names decide, not the order declared."""
    return [
        _Case(
            policy=policy,
            seen=observation.series.get(series) or _never_seen(series),
            schedules_since=observation.schedules_since,
            now=observation.now,
            retry=retry,
        )
        for policy in sorted(desired.policies.values(), key=lambda policy: policy.name)
        for series in sorted(policy.series)
    ]


def _never_seen(series: Series) -> SeriesObservation:
    return SeriesObservation(series=series, newest=None, lease=None, backups=0)


def _urgency(action: TakeBackup) -> tuple[datetime, Series]:
    """Most overdue first; a series without any backup is overdue since ever."""
    return min((slot.at for slot in action.run_reason.slots), default=LONG_OVERDUE), action.series


def _decide(case: _Case) -> _Verdict:
    held = case.seen.lease
    demands = _ask_schedules(case)
    unrecorded = [demand.unrecorded for demand in demands if demand.unrecorded is not None]
    if held is not None and not held.holder_is_gone:
        return _Verdict(skipped=[_explain_lock(held.lease)], missed=unrecorded)
    wanted = _want(case, demands)
    is_gone = case.series.database in case.policy.source.found.gone
    rest = _explain_gone(case) if is_gone else _explain_rest(case, wanted)
    is_put_off = bool(rest) or case.pause is not None
    return _Verdict(
        recoveries=[] if held is None else [_recover(held.lease)],
        verifications=_prove(case),
        backups=[wanted] if wanted is not None and not is_put_off else [],
        upkeep=case.seen.upkeep.actions if case.pause is None else (),
        skipped=[
            *_explain_pause(case, wanted),
            *([] if is_gone else _explain_schedules(case, demands, is_due=wanted is not None)),
            *rest,
            *case.seen.upkeep.skipped,
        ],
        missed=unrecorded,
    )


def _decide_retired(seen: LeaseObservation) -> _Verdict:
    """Free a series whose policy is gone; nothing else is done with it (design §3)."""
    if seen.holder_is_gone:
        return _Verdict(recoveries=[_recover(seen.lease)])
    return _Verdict(skipped=[_explain_lock(seen.lease)])


def _ask_schedules(case: _Case) -> Sequence[Demand]:
    since, now = case.schedules_since, case.now
    return [
        assess_schedule(
            case.policy,
            schedule,
            case.seen,
            since=in_force_since(case.policy, schedule, since, now),
            now=now,
        )
        for schedule in case.schedules
    ]


def _want(case: _Case, demands: Sequence[Demand]) -> TakeBackup | None:
    """Return the backup that is due, whether or not it is put off."""
    if case.seen.newest is None:
        return _take_first(case)
    slots = sorted(demand.due for demand in demands if demand.due is not None)
    return _take_due(case, slots) if slots else None


# ------------------------------------------------------------------ what to do
def _recover(lease: Lease) -> RecoverSeries:
    reason = (
        f"run {lease.run} (process {lease.holder.process} on {lease.holder.host}) did not end:"
        " its process is gone or its time has passed"
    )
    return RecoverSeries(series=lease.series, abandoned=lease, reason=reason)


def _take_first(case: _Case) -> TakeBackup:
    listed = case.seen.backups
    reason = "this series has no backup yet"
    if listed:
        reason = f"this series has no complete copy of any backup; {listed} listed"
    return _take(case, RunReason(trigger=Trigger.FIRST), reason)


def _take_due(case: _Case, slots: Sequence[Slot]) -> TakeBackup:
    late = "; ".join(
        f"{slot.schedule} was due at {say_time(slot.at)}, {say_duration(case.now - slot.at)} ago"
        for slot in slots
    )
    return _take(case, RunReason(trigger=Trigger.SCHEDULE, slots=tuple(slots)), late)


def _take(case: _Case, run_reason: RunReason, reason: str) -> TakeBackup:
    failure = case.seen.last_failure
    if failure is not None:
        cause = f": {failure.error}" if failure.error else ""
        started = say_time(failure.started_at)
        reason = f"{reason}; the attempt of {started} {failure.state.value}{cause}"
    return TakeBackup(
        series=case.series,
        run_reason=run_reason,
        destinations=case.policy.destinations,
        verify_to=case.policy.after_backup,
        reason=reason,
    )


def _prove(case: _Case) -> Sequence[VerifyCopy]:
    """Return what proves the last good backup, where that was promised and not yet done."""
    newest, wanted = case.seen.newest, case.policy.after_backup
    return (
        []
        if newest is None
        else [
            VerifyCopy(
                series=case.series,
                backup=newest.id,
                destination=copy.destination,
                level=wanted,
                reason=f"the newest backup's copy is {_say_proof(copy.level)};"
                f" the policy asks for {wanted.label}",
            )
            for copy in sorted(newest.copies, key=lambda copy: copy.destination)
            if copy.destination in case.policy.destinations
            and copy.state is CopyState.COMPLETE
            and (copy.level is None or copy.level < wanted)
        ]
    )


def _say_proof(level: Level | None) -> str:
    return "not verified" if level is None else f"verified to {level.label} only"


# ------------------------------------------------------------------ what to put off
def _explain_rest(case: _Case, wanted: TakeBackup | None) -> Sequence[Skipped]:
    """Return why a backup that is due is not tried again yet; nothing if it is tried now."""
    if wanted is None or case.pause is not None or case.retry is Retry.AT_ONCE:
        return []
    begun = max((slot.at for slot in wanted.run_reason.slots), default=_begin_of_first(case))
    failures = [run for run in case.seen.failures if run.started_at >= begun]
    rest = find_rest(failures, f"{case.series} {begun.isoformat()}", now=case.now)
    if rest is None:
        return []
    reason = f"{wanted.reason}; {rest.reason}; `orchestrator apply` tries at once"
    return [_skip(case, SkipKind.BACKING_OFF, reason, until=rest.until)]


def _explain_gone(case: _Case) -> Sequence[Skipped]:
    return [
        _skip(
            case,
            SkipKind.GONE,
            f"the server has no database {case.series.database!r} any more; its backups stay, and"
            f" `orchestrator erase {shlex.quote(str(case.series))}` removes them for good",
        )
    ]


def _begin_of_first(case: _Case) -> datetime:
    """Return since when failures of the first backup count: since a slot, at most for a day."""
    latest = (latest_slot(one.cron, case.policy.timezone, case.now) for one in case.schedules)
    return max([case.now - FIRST_BACKUP_WINDOW, *(slot for slot in latest if slot is not None)])


def _explain_pause(case: _Case, wanted: TakeBackup | None) -> Sequence[Skipped]:
    if case.pause is None:
        return []
    waiting = f": {wanted.reason}" if wanted is not None else ""
    reason = f"{say_pause(case.pause)}, and nothing is taken or pruned meanwhile{waiting}"
    return [_skip(case, SkipKind.PAUSED, reason, until=case.pause.until)]


# ------------------------------------------------------------------ what to leave alone
def _skip(case: _Case, kind: SkipKind, reason: str, *, until: datetime | None = None) -> Skipped:
    return Skipped(series=case.series, kind=kind, reason=reason, until=until)


def _explain_schedules(
    case: _Case, demands: Sequence[Demand], *, is_due: bool
) -> Sequence[Skipped]:
    newest = case.seen.newest
    if newest is None:
        return []
    missed = [_skip(case, SkipKind.MISSED, said.missed) for said in demands if said.missed]
    return missed if is_due or missed or case.pause else [_explain_not_due(case, newest)]


def _explain_lock(lease: Lease) -> Skipped:
    holder = lease.holder
    reason = (
        f"run {lease.run} of {holder.user} (process {holder.process} on {holder.host}) is at work"
        f" on this series; its lease ends {say_time(lease.expires_at)} unless it is renewed"
    )
    return Skipped(series=lease.series, kind=SkipKind.LOCKED, reason=reason, until=lease.expires_at)


def _explain_not_due(case: _Case, newest: Backup) -> Skipped:
    age = say_duration(case.now - newest.snapshot_at)
    coming = next(_upcoming(case), None)
    following = f"the next slot is {coming.schedule} {say_time(coming.at)}" if coming else NO_SLOT
    reason = f"the newest backup is {newest.id}, {age} old; {following}{_say_new_schedules(case)}"
    return _skip(case, SkipKind.NOT_DUE, reason)


def _say_new_schedules(case: _Case) -> str:
    new = [
        schedule.name
        for schedule in case.schedules
        if not was_applied(case.policy, schedule, case.schedules_since)
    ]
    return f"; new, so without any slot in the past: {', '.join(new)}" if new else ""


# ------------------------------------------------------------------ what comes next
def _upcoming(case: _Case) -> Iterator[Slot]:
    """Yield the next slots of each schedule, merged in time order."""
    return merge(*(_upcoming_of(schedule, case) for schedule in case.policy.schedules))


def _upcoming_of(schedule: Schedule, case: _Case) -> Iterator[Slot]:
    coming = slots_after(schedule.cron, case.policy.timezone, case.now)
    return (Slot(at, schedule.name) for at in islice(coming, SLOTS_SHOWN))


def _look_ahead(case: _Case) -> Timetable:
    return Timetable(
        series=case.series, zone=case.policy.timezone, next_slots=tuple(_upcoming(case))
    )
