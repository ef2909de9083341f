"""Looking at everything once, at one ``now``, before anything is decided (design §5)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import takewhile

from orchestrator.execution.prune.look import PruneSurroundings, look_around, view_series
from orchestrator.model.backup import Backup
from orchestrator.model.lease import Lease
from orchestrator.model.names import PolicyName, ScheduleName, Series
from orchestrator.model.observation import LeaseObservation, Observation, SeriesObservation
from orchestrator.model.policy import DesiredState, Policy
from orchestrator.model.pruning import UpkeepPlan
from orchestrator.model.run import Run, RunState
from orchestrator.model.timeline import Pause
from orchestrator.planning.due import last_good
from orchestrator.planning.guards import unanswered
from orchestrator.planning.upkeep.plan_upkeep import plan_upkeep
from orchestrator.planning.upkeep.view import SeriesView
from orchestrator.ports.catalog import CatalogReader
from orchestrator.ports.clock import Clock
from orchestrator.ports.machine import Machine


@dataclass(frozen=True, slots=True)
class _Interruptions:
    """What is known of all series at once."""

    leases: Mapping[Series, LeaseObservation]
    pauses: Mapping[PolicyName, Pause]
    missed_until: Mapping[tuple[Series, ScheduleName], datetime]
    pruning: PruneSurroundings

    def missed_by(self, series: Series) -> Mapping[ScheduleName, datetime]:
        return {name: at for (owner, name), at in self.missed_until.items() if owner == series}


@dataclass(slots=True)
class _Allowance:
    """How many copies a human still lets go beyond the measure of a day."""

    left: int

    def plan(self, view: SeriesView) -> UpkeepPlan:
        planned = plan_upkeep(view, allowed=self.left)
        self.left -= planned.used
        return planned.plan


def observe(
    desired: DesiredState,
    reader: CatalogReader,
    clock: Clock,
    machine: Machine,
    *,
    at: datetime | None = None,
    allow_prune: int = 0,
) -> Observation:
    """Given the policies, return what is known of each of their series, now or as if at ``at``.

    ``allow_prune`` is how many copies may go beyond the measure of a day, over all series.

    Raises:
        CatalogError: the catalog cannot be read.
    """
    now = at or clock.now()
    interruptions = _Interruptions(
        leases={lease.series: _observe_lease(lease, machine, now) for lease in reader.leases()},
        pauses={pause.policy: pause for pause in reader.pauses()},
        missed_until=reader.missed_until(),
        pruning=look_around(reader, now, is_present=at is None),
    )
    allowance = _Allowance(allow_prune)
    revision, schedules = reader.applied()
    return Observation(
        now=now,
        series={
            series: _observe_series(series, policy, reader, interruptions, allowance)
            for policy in desired.policies.values()
            for series in policy.series
        },
        schedules_since={
            (applied.policy, applied.schedule, applied.cron, applied.timezone): applied.since
            for applied in schedules
        },
        applied_revision=revision.digest if revision else None,
    )


def _observe_lease(lease: Lease, machine: Machine, now: datetime) -> LeaseObservation:
    is_gone = lease.expires_at <= now or machine.is_gone(lease.holder)
    return LeaseObservation(lease=lease, holder_is_gone=is_gone)


def _observe_series(
    series: Series,
    policy: Policy,
    reader: CatalogReader,
    interruptions: _Interruptions,
    allowance: _Allowance,
) -> SeriesObservation:
    backups, runs = reader.backups(series), reader.runs(series)
    failures = _list_failures(runs)
    view = view_series(policy, series, interruptions.pruning, backups=backups, runs=runs)
    return SeriesObservation(
        series=series,
        newest=last_good(backups, interruptions.pruning.now),
        last_failure=failures[-1] if failures else None,
        failures=failures,
        lease=interruptions.leases.get(series),
        backups=len(backups),
        pause=interruptions.pauses.get(series.policy),
        missed_until=interruptions.missed_by(series),
        marked=_list_marked(backups),
        upkeep=allowance.plan(view),
    )


def _list_marked(backups: Sequence[Backup]) -> tuple[Backup, ...]:
    waiting = {backup.id for backup in unanswered(backups)}
    return tuple(backup for backup in backups if backup.id in waiting or backup.holds)


def _list_failures(runs: Sequence[Run]) -> tuple[Run, ...]:
    """Return the latest attempts that are closed and did not succeed, oldest first."""
    failed = (RunState.FAILED, RunState.INTERRUPTED)
    return tuple(takewhile(lambda run: run.state in failed, reversed(runs)))[::-1]
