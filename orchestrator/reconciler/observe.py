"""Looking at everything once, at one ``now``, before anything is decided (design §5)."""

from datetime import datetime

from orchestrator.model.backup import Backup, CopyState
from orchestrator.model.lease import Lease
from orchestrator.model.names import Series
from orchestrator.model.observation import LeaseObservation, Observation, SeriesObservation
from orchestrator.model.policy import DesiredState
from orchestrator.model.run import Run, RunState
from orchestrator.ports.catalog import CatalogReader
from orchestrator.ports.clock import Clock
from orchestrator.ports.machine import Machine


def observe(
    desired: DesiredState,
    reader: CatalogReader,
    clock: Clock,
    machine: Machine,
    *,
    at: datetime | None = None,
) -> Observation:
    """Given the policies, return what is known of each of their series, now or as if at ``at``.

    Raises:
        CatalogError: the catalog cannot be read.
    """
    now = at or clock.now()
    leases = {lease.series: _observe_lease(lease, machine, now) for lease in reader.leases()}
    revision, schedules = reader.applied()
    return Observation(
        now=now,
        series={
            series: _observe_series(series, reader, leases.get(series))
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
    series: Series, reader: CatalogReader, lease: LeaseObservation | None
) -> SeriesObservation:
    backups = reader.backups(series)
    complete = [backup for backup in backups if _has_complete_copy(backup)]
    return SeriesObservation(
        series=series,
        newest=complete[-1] if complete else None,
        last_failure=_last_failure(series, reader),
        lease=lease,
        backups=len(backups),
    )


def _has_complete_copy(backup: Backup) -> bool:
    return any(copy.state is CopyState.COMPLETE for copy in backup.copies)


def _last_failure(series: Series, reader: CatalogReader) -> Run | None:
    """Return the latest attempt if it is closed and did not succeed."""
    runs = reader.runs(series)
    if not runs or runs[-1].state not in (RunState.FAILED, RunState.INTERRUPTED):
        return None
    return runs[-1]
