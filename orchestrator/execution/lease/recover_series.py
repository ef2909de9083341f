"""Freeing a series whose run died, as an action of its own (design §7, "One at a time")."""

from collections.abc import Sequence

from orchestrator.execution.context import Execution
from orchestrator.execution.lease.hold_lease import locked_error
from orchestrator.execution.lease.recover_run import recover
from orchestrator.execution.lease.take_over import holder_is_gone
from orchestrator.execution.verification.verify_copy import prove_copy
from orchestrator.model.actions import RecoverSeries
from orchestrator.model.names import BackupId
from orchestrator.model.outcome import NotNeeded, Succeeded
from orchestrator.model.verification import Verification


def recover_series(action: RecoverSeries, execution: Execution) -> Succeeded | NotNeeded:
    """Adopt what the dead run completed, close it, raise the fence, free the lease, and prove.

    What was adopted is proved to the level that the policy asks for, as its own run would have. A
    retired series is freed, too, and no policy asks for any level there.

    Raises:
        DamagedBackupError: what was adopted is damaged; the series is free all the same.
        SeriesLockedError: the holder is alive after all, or somebody else took over first.
        DestinationError: a destination cannot be looked at; nothing was changed.
    """
    abandoned = next(
        (lease for lease in execution.reader.leases() if lease.series == action.series), None
    )
    if abandoned is None or abandoned.fence != action.abandoned.fence:
        return NotNeeded(action=action, summary="somebody else recovered this series already")
    if not holder_is_gone(abandoned, execution.machine, execution.clock.now()):
        raise locked_error(abandoned)
    recovery = recover(abandoned, execution)
    lease = execution.leases.acquire(
        action.series,
        execution.new_run_id(),
        holder=execution.machine.whoami(),
        now=execution.clock.now(),
        duration=execution.lease_duration,
        taking_over=abandoned,
    )
    execution.leases.release(lease)
    adopted = ", ".join(recovery.adopted) or "no backup"
    return Succeeded(
        action=action,
        summary=f"closed the run {abandoned.run}, which died; adopted {adopted}",
        verifications=_prove(recovery.adopted, execution),
        warnings=recovery.troubles,
    )


def _prove(adopted: Sequence[BackupId], execution: Execution) -> tuple[Verification, ...]:
    backups = [execution.reader.backup(backup_id) for backup_id in adopted]
    policies = execution.desired.policies
    return tuple(
        prove_copy(backup, copy.destination, policies[backup.series.policy].after_backup, execution)
        for backup in backups
        if backup is not None and backup.series.policy in policies
        for copy in backup.copies
    )
