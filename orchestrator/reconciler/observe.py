"""Looking at everything once, at one ``now``, before anything is decided (design §5)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, islice

from orchestrator.execution.lease.take_over import holder_is_gone
from orchestrator.execution.prune.look import PruneSurroundings, look_around, view_series
from orchestrator.execution.prune.retired import retired_among
from orchestrator.model.backup import Backup, BackupOutline
from orchestrator.model.lease import Lease
from orchestrator.model.names import PolicyName, ScheduleName, Series
from orchestrator.model.observation import LeaseObservation, Observation, SeriesObservation
from orchestrator.model.policy import DesiredState, Policy
from orchestrator.model.pruning import UpkeepPlan
from orchestrator.model.timeline import Pause
from orchestrator.planning.due import last_good
from orchestrator.planning.guards import unanswered
from orchestrator.planning.upkeep.plan_upkeep import plan_upkeep
from orchestrator.planning.upkeep.view import SeriesView
from orchestrator.ports.catalog import CatalogReader
from orchestrator.ports.clock import Clock
from orchestrator.ports.history import SeriesHistory
from orchestrator.ports.machine import Machine
from orchestrator.reconciler.applying.renames import read_renamed

AT_A_TIME = 10
"""Of so many series the backups are in memory together."""


@dataclass(frozen=True, slots=True)
class _Interruptions:
    """What is known of all series at once."""

    leases: Mapping[Series, LeaseObservation]
    pauses: Mapping[PolicyName, Pause]
    missed_until: Mapping[Series, Mapping[ScheduleName, datetime]]
    pruning: PruneSurroundings

    def leave_alone(self, series: Series) -> bool:
        """Whether nothing of a series is tidied up now: it is paused, or a run is at work on it."""
        lease, pause = self.leases.get(series), self.pauses.get(series.policy)
        is_paused = pause is not None and pause.until > self.pruning.now
        return is_paused or (lease is not None and not lease.holder_is_gone)


@dataclass(slots=True)
class _Allowance:
    """How many copies a human still lets go beyond the measure of a day."""

    left: int

    def plan(self, view: SeriesView[BackupOutline], *, is_left_alone: bool) -> UpkeepPlan:
        """Plan the upkeep of a series; what is not carried out now uses nothing up."""
        if is_left_alone:
            return plan_upkeep(view, allowed=0).plan
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

    ``allow_prune`` is how many copies may go beyond the measure of a day. What is known of a renamed
    policy is shown under its new name, also before it is carried over.

    Raises:
        CatalogError: the catalog cannot be read.
    """
    now = at or clock.now()
    reader = read_renamed(desired, reader)
    interruptions = _Interruptions(
        leases={lease.series: _observe_lease(lease, machine, now) for lease in reader.leases()},
        pauses={pause.policy: pause for pause in reader.pauses()},
        missed_until=_group_missed(reader.missed_until()),
        pruning=look_around(reader, now, is_present=at is None),
    )
    allowance = _Allowance(allow_prune)
    revision, schedules = reader.applied()
    return Observation(
        now=now,
        series=dict(_observe_all(desired, reader, interruptions, allowance)),
        schedules_since={
            (applied.policy, applied.schedule, applied.cron, applied.timezone): applied.since
            for applied in schedules
        },
        applied_revision=revision.digest if revision else None,
        retired=_observe_retired(interruptions.leases, desired),
    )


def _group_missed(
    missed_until: Mapping[tuple[Series, ScheduleName], datetime],
) -> Mapping[Series, Mapping[ScheduleName, datetime]]:
    grouped: dict[Series, dict[ScheduleName, datetime]] = {}
    for (series, schedule), at in missed_until.items():
        grouped.setdefault(series, {})[schedule] = at
    return grouped


def _observe_retired(
    leases: Mapping[Series, LeaseObservation], desired: DesiredState
) -> tuple[LeaseObservation, ...]:
    """Return the leases of series that no policy names: nobody would look at them otherwise."""
    return tuple(leases[series] for series in sorted(retired_among(leases, desired)))


def _observe_lease(lease: Lease, machine: Machine, now: datetime) -> LeaseObservation:
    return LeaseObservation(lease=lease, holder_is_gone=holder_is_gone(lease, machine, now))


def _observe_all(
    desired: DesiredState,
    reader: CatalogReader,
    interruptions: _Interruptions,
    allowance: _Allowance,
) -> Iterator[tuple[Series, SeriesObservation]]:
    """Observe every series, some at a time: the backups of all would not fit into memory."""
    declared = (
        (policy, series) for policy in desired.policies.values() for series in policy.series
    )
    while batch := list(islice(declared, AT_A_TIME)):
        pasts = _read_pasts([series for _, series in batch], reader, interruptions.pruning.now)
        for policy, series in batch:
            past = pasts[series]
            yield series, _observe_series(series, policy, past, interruptions, allowance)


@dataclass(frozen=True, slots=True)
class _Past:
    """The history of a series, and in full those of its backups that a plan shows."""

    history: SeriesHistory
    newest: Backup | None
    unsuspicious: Backup | None
    marked: tuple[Backup, ...]


def _read_pasts(
    series: Sequence[Series], reader: CatalogReader, now: datetime
) -> Mapping[Series, _Past]:
    histories = reader.histories(series)
    newest = {one: last_good(history.backups, now) for one, history in histories.items()}
    trusted = {one: _last_trusted(history.backups, now) for one, history in histories.items()}
    marked = {one: _find_marked(history.backups) for one, history in histories.items()}
    shown = [one for one in chain(newest.values(), trusted.values()) if one is not None]
    full = reader.backups_named([one.id for one in chain(shown, *marked.values())])
    if any(one.id not in full for one in shown):
        # Somebody removed one in between: what is there now decides.
        return _read_pasts(series, reader, now)
    return {
        one: _Past(
            history=history,
            newest=None if (good := newest[one]) is None else full[good.id],
            unsuspicious=None if (good := trusted[one]) is None else full[good.id],
            marked=tuple(full[backup.id] for backup in marked[one] if backup.id in full),
        )
        for one, history in histories.items()
    }


def _observe_series(
    series: Series,
    policy: Policy,
    past: _Past,
    interruptions: _Interruptions,
    allowance: _Allowance,
) -> SeriesObservation:
    history = past.history
    view = view_series(
        policy, series, interruptions.pruning, backups=history.backups, history=history
    )
    return SeriesObservation(
        series=series,
        newest=past.newest,
        failures=history.failures,
        lease=interruptions.leases.get(series),
        backups=len(history.backups),
        pause=interruptions.pauses.get(series.policy),
        missed_until=interruptions.missed_until.get(series, {}),
        marked=past.marked,
        unsuspicious=past.unsuspicious,
        upkeep=allowance.plan(view, is_left_alone=interruptions.leave_alone(series)),
    )


def _last_trusted(backups: Sequence[BackupOutline], now: datetime) -> BackupOutline | None:
    return last_good((backup for backup in backups if not backup.is_suspicious), now)


def _find_marked(backups: Sequence[BackupOutline]) -> Sequence[BackupOutline]:
    waiting = {backup.id for backup in unanswered(backups)}
    return [backup for backup in backups if backup.holds or backup.id in waiting]
