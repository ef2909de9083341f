"""Putting in order what a dead run left behind (design §7, "One at a time"; faults F01-F06)."""

from collections.abc import Callable
from dataclasses import dataclass

from orchestrator.archive.layout import intent_key
from orchestrator.errors import InterruptedRunError, OrchestratorError
from orchestrator.execution.context import Execution
from orchestrator.execution.lease.adopt_backups import (
    adopt_completed,
    places_of,
    series_path_of,
)
from orchestrator.model.lease import Lease
from orchestrator.model.names import BackupId
from orchestrator.model.run import ErrorReport, LogAction, LogOutcome, RunResult, RunState


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """What a recovery found: backups that the dead run had completed, and what it could not do."""

    adopted: tuple[BackupId, ...]
    troubles: tuple[str, ...]


def recover(abandoned: Lease, execution: Execution) -> Recovery:
    """Adopt what a dead run completed, close it as interrupted, and remove its traces.

    A retired series is recovered like any other, at every place that is declared and ours.

    Must run before the fence is raised: a manifest under an old fence that appears later is never
    adopted. Doing it twice changes nothing the second time.

    Raises:
        DestinationError: a destination cannot be looked at, so nobody can know what is complete.
        CatalogError: the catalog cannot take it.
    """
    adoption = adopt_completed(abandoned, execution)
    _close_run(abandoned, execution)
    troubles = (
        _trouble_of(lambda: _end_orphan_sessions(abandoned, execution)),
        _trouble_of(lambda: _remove_intents(abandoned, execution)),
    )
    return Recovery(
        adopted=adoption.adopted,
        troubles=(*adoption.refused, *(trouble for trouble in troubles if trouble)),
    )


def _close_run(abandoned: Lease, execution: Execution) -> None:
    runs = execution.reader.runs(abandoned.series)
    if not any(run.id == abandoned.run for run in runs):
        # It died between taking its lease and saying what for.
        return
    published = [
        backup.id
        for backup in execution.reader.backups(abandoned.series)
        if backup.run == abandoned.run
    ]
    holder = abandoned.holder
    error = ErrorReport(
        code=InterruptedRunError.code,
        what=f"process {holder.process} on {holder.host} was killed, or its machine stopped",
        next_step="nothing: `orchestrator apply` goes on from here",
    )
    execution.writer.record_run_finished(
        abandoned.run,
        result=RunResult(
            state=RunState.INTERRUPTED, backup=published[0] if published else None, error=error
        ),
        at=execution.clock.now(),
        entry=execution.log_entry(
            LogAction.BACKUP,
            str(abandoned.series),
            LogOutcome.INTERRUPTED,
            {"run": abandoned.run, "code": error.code, "what": error.what},
        ),
    )


def _end_orphan_sessions(abandoned: Lease, execution: Execution) -> None:
    policy = execution.desired.policies.get(abandoned.series.policy)
    if policy is not None:
        # The server of a retired series is known no more; it ends lost sessions by itself.
        execution.source.end_orphans(policy.source, abandoned.run)


def _remove_intents(abandoned: Lease, execution: Execution) -> None:
    path = series_path_of(abandoned.series, execution)
    for destination in places_of(abandoned.series, execution):
        destination.remove(intent_key(path, abandoned.run))


def _trouble_of(work: Callable[[], None]) -> str | None:
    """Do what a recovery can do without; say what went wrong with it."""
    try:
        work()
    except OrchestratorError as error:
        return error.what
    return None
