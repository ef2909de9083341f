"""From what is wanted and what is there to what shall be done, and why (design §5, §7)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from heapq import merge
from itertools import chain, islice

from orchestrator.model.actions import RecoverSeries, TakeBackup, VerifyCopy
from orchestrator.model.backup import Backup, CopyState, RunReason, Slot, Trigger
from orchestrator.model.lease import Lease
from orchestrator.model.names import Series
from orchestrator.model.observation import Observation, SeriesObservation
from orchestrator.model.plan import Plan, SkipKind, Skipped, Timetable
from orchestrator.model.policy import DesiredState, Policy, Schedule, Tier
from orchestrator.model.verification import Level
from orchestrator.planning.due import (
    Demand,
    SchedulesSince,
    assess_schedule,
    in_force_since,
    was_applied,
)
from orchestrator.planning.phrases import count, say_duration, say_time
from orchestrator.planning.schedule import slots_after

SLOTS_SHOWN = 3
NO_SLOT = "no schedule has a slot to come"
LONG_OVERDUE = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """One series to decide about: its policy, what was seen of it, and when."""

    policy: Policy
    seen: SeriesObservation
    schedules_since: SchedulesSince
    now: datetime

    @property
    def series(self) -> Series:
        return self.seen.series


@dataclass(frozen=True, slots=True, kw_only=True)
class _Verdict:
    """What was decided about one series."""

    recoveries: Sequence[RecoverSeries] = ()
    verifications: Sequence[VerifyCopy] = ()
    backups: Sequence[TakeBackup] = ()
    skipped: Sequence[Skipped] = ()


def make_plan(desired: DesiredState, observation: Observation) -> Plan:
    """Return the plan that would make reality match the policies at the time of the observation.

    A series that the observation does not mention counts as one that never had a backup. Equal
    input, in whatever order, gives an equal plan.
    """
    cases = _list_cases(desired, observation)
    verdicts = [_decide(case) for case in cases]
    return Plan(
        observed_at=observation.now,
        revision=desired.revision,
        revision_is_new=observation.applied_revision != desired.revision.digest,
        actions=(
            *chain.from_iterable(verdict.recoveries for verdict in verdicts),
            *chain.from_iterable(verdict.verifications for verdict in verdicts),
            *sorted(chain.from_iterable(verdict.backups for verdict in verdicts), key=_urgency),
        ),
        skipped=tuple(chain.from_iterable(verdict.skipped for verdict in verdicts)),
        timetables=tuple(_look_ahead(case) for case in cases),
    )


def _list_cases(desired: DesiredState, observation: Observation) -> Sequence[_Case]:
    """Return every series of every policy, sorted; the names decide, not the order declared."""
    return [
        _Case(
            policy=policy,
            seen=observation.series.get(series) or _never_seen(series),
            schedules_since=observation.schedules_since,
            now=observation.now,
        )
        for policy in sorted(desired.policies.values(), key=lambda policy: policy.name)
        for series in sorted(policy.series)
    ]


def _never_seen(series: Series) -> SeriesObservation:
    return SeriesObservation(series=series, newest=None, last_failure=None, lease=None, backups=0)


def _urgency(action: TakeBackup) -> tuple[datetime, Series]:
    """Most overdue first; a series without any backup is overdue since ever."""
    return min((slot.at for slot in action.run_reason.slots), default=LONG_OVERDUE), action.series


def _decide(case: _Case) -> _Verdict:
    held, retention = case.seen.lease, _explain_retention(case)
    if held is not None and not held.holder_is_gone:
        return _Verdict(skipped=[_explain_lock(case, held.lease), retention])
    newest = case.seen.newest
    if newest is None:
        return _Verdict(recoveries=_recover(case), backups=[_take_first(case)], skipped=[retention])
    demands = _ask_schedules(case, newest)
    slots = sorted(demand.due for demand in demands if demand.due is not None)
    missed = [_skip(case, SkipKind.MISSED, said.missed) for said in demands if said.missed]
    nothing = [] if slots or missed else [_explain_not_due(case, newest)]
    return _Verdict(
        recoveries=_recover(case),
        verifications=_prove(case, newest),
        backups=[_take_due(case, slots)] if slots else [],
        skipped=[*missed, *nothing, retention],
    )


def _ask_schedules(case: _Case, newest: Backup) -> Sequence[Demand]:
    policy, now = case.policy, case.now
    return [
        assess_schedule(
            schedule,
            policy.timezone,
            newest,
            since=in_force_since(policy, schedule, case.schedules_since, now),
            now=now,
        )
        for schedule in sorted(policy.schedules, key=lambda schedule: schedule.name)
    ]


# ------------------------------------------------------------------ what to do
def _recover(case: _Case) -> Sequence[RecoverSeries]:
    if case.seen.lease is None:
        return []
    lease = case.seen.lease.lease
    reason = (
        f"run {lease.run} (process {lease.holder.process} on {lease.holder.host}) did not end:"
        " its process is gone or its time has passed"
    )
    return [RecoverSeries(series=case.series, abandoned=lease, reason=reason)]


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


def _prove(case: _Case, newest: Backup) -> Sequence[VerifyCopy]:
    """Return what proves the last good backup, where that was promised and not yet done."""
    wanted = case.policy.after_backup
    return [
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


def _say_proof(level: Level | None) -> str:
    return "not verified" if level is None else f"verified to {level.label} only"


# ------------------------------------------------------------------ what to leave alone
def _skip(case: _Case, kind: SkipKind, reason: str) -> Skipped:
    return Skipped(series=case.series, kind=kind, reason=reason)


def _explain_lock(case: _Case, lease: Lease) -> Skipped:
    holder = lease.holder
    reason = (
        f"run {lease.run} of {holder.user} (process {holder.process} on {holder.host}) is at work"
        f" on this series; its lease ends {say_time(lease.expires_at)} unless it is renewed"
    )
    return _skip(case, SkipKind.LOCKED, reason)


def _explain_not_due(case: _Case, newest: Backup) -> Skipped:
    age = say_duration(case.now - newest.snapshot_at)
    coming = next(_upcoming(case), None)
    following = f"the next slot is {coming.schedule} {say_time(coming.at)}" if coming else NO_SLOT
    reason = f"the newest backup is {newest.id}, {age} old; {following}{_say_new_schedules(case)}"
    return _skip(case, SkipKind.NOT_DUE, reason)


def _say_new_schedules(case: _Case) -> str:
    new = [
        schedule.name
        for schedule in sorted(case.policy.schedules, key=lambda schedule: schedule.name)
        if not was_applied(case.policy, schedule, case.schedules_since)
    ]
    return f"; new, so without any slot in the past: {', '.join(new)}" if new else ""


def _explain_retention(case: _Case) -> Skipped:
    tiers = case.policy.retention.tiers
    declared = ", ".join(f"{tier.value} {tiers[tier]}" for tier in Tier if tier in tiers)
    kept = count(case.seen.backups, "backup")
    reason = (
        f"pruning is not supported yet: {kept} kept; tiers ({declared or 'none declared'}) are"
        " labels in `orchestrator list`"
    )
    return _skip(case, SkipKind.RETENTION, reason)


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
