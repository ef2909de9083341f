"""The trouble that a run reads for so long that its snapshot is in the way of the server. Pure."""

from collections.abc import Sequence
from datetime import datetime

from orchestrator.errors import RunTooLongError
from orchestrator.model.alert import Cause, Trouble
from orchestrator.model.observation import SeriesObservation
from orchestrator.model.policy import WARN_AT, Event, Policy
from orchestrator.model.run import ErrorReport, Run
from orchestrator.planning.phrases import say_duration

TOO_LONG = RunTooLongError.code


def find_ageing(
    policy: Policy, seen: SeriesObservation, running: Sequence[Run], now: datetime
) -> Trouble | None:
    """Return the trouble that the run under way has used half of the time that it may take.

    A run whose holder is gone takes no time any more.
    """
    lease = seen.lease
    if lease is None or lease.holder_is_gone:
        return None
    allowed = policy.source.max_duration
    for run in running:
        since = run.started_at + allowed * WARN_AT
        if run.id == lease.lease.run and now >= since:
            return Trouble(
                cause=Cause(Event.DEGRADED, f"the snapshot of {seen.series}"),
                series=(seen.series,),
                since=since,
                short=f"{say_duration(now - run.started_at)} so far, of {say_duration(allowed)} at most",
                error=ErrorReport(
                    code=TOO_LONG,
                    what=f"the backup of {seen.series} that began"
                    f" {say_duration(now - run.started_at)} ago has used more than {WARN_AT:.0%} of"
                    f" its max_duration of {say_duration(allowed)}; while it reads, vacuum can"
                    " clean up nothing that changed since",
                    next_step="find out what makes it slow; after the whole of max_duration it is"
                    " broken off",
                ),
                next_command="orchestrator status",
            )
    return None
