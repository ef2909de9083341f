"""The trouble that a slot and its grace have passed without a backup. Pure."""

import shlex

from orchestrator.errors import PromiseBrokenError
from orchestrator.model.alert import Cause, Trouble
from orchestrator.model.observation import Observation, SeriesObservation
from orchestrator.model.policy import Event, Policy
from orchestrator.model.run import ErrorReport
from orchestrator.planning.alerting.causes import SCHEDULES
from orchestrator.planning.due import assess_schedule, in_force_since
from orchestrator.planning.phrases import say_time
from orchestrator.planning.promises import assess_promises


def find_overdue(policy: Policy, seen: SeriesObservation, whole: Observation) -> Trouble | None:
    """Return the trouble that a schedule's promise to a series is broken.

    A pause is no cause of its own: it would end one incident when it begins, and another when it
    ends, and no backup is taken by either.
    """
    promises = assess_promises(policy, seen, schedules_since=whole.schedules_since, now=whole.now)
    broken = [
        (promise.broken_since, promise) for promise in promises if promise.broken_since is not None
    ]
    if not broken:
        return None
    since, first = min(broken, key=lambda found: found[0])
    return Trouble(
        cause=Cause(Event.MISSED, SCHEDULES),
        series=(seen.series,),
        since=since,
        short=f"{first.schedule}, since {say_time(since)}",
        error=ErrorReport(
            code=PromiseBrokenError.code,
            what=f"{seen.series} has no backup for its schedule {first.schedule}: {first.sentence}",
            next_step="see whether `orchestrator run` or its timer runs, and what `status` says"
            if seen.pause is None
            else f"take the backup; resume the policy with `{_resume(policy)}`, or let the pause"
            " end: until then no schedule takes one",
        ),
        next_command=_choose_command(policy, seen, whole),
    )


def _choose_command(policy: Policy, seen: SeriesObservation, whole: Observation) -> str:
    """Return what takes the backup: beyond ``catch_up`` nothing does so before the next slot."""
    demands = (
        assess_schedule(
            policy,
            schedule,
            seen,
            since=in_force_since(policy, schedule, whole.schedules_since, whole.now),
            now=whole.now,
        )
        for schedule in policy.schedules
    )
    if all(demand.due is None for demand in demands):
        database = shlex.quote(seen.series.database)
        return f"orchestrator backup {shlex.quote(policy.name)} --database {database}"
    return "orchestrator apply" if seen.pause is None else _resume(policy)


def _resume(policy: Policy) -> str:
    return f"orchestrator resume {shlex.quote(policy.name)}"
