"""What the catalog says when it refuses; the same words from every adapter."""

from datetime import datetime

from orchestrator.errors import (
    CatalogError,
    LeaseLostError,
    RenameRefusedError,
    SeriesLockedError,
)
from orchestrator.model.lease import Lease
from orchestrator.model.names import BackupId, PolicyName, RunId, Series
from orchestrator.model.verification import Verification


def series_locked(held: Lease, *, now: datetime) -> SeriesLockedError:
    """Return the error for a series whose lease somebody else has."""
    holder = held.holder
    until = f"until {held.expires_at:%Y-%m-%dT%H:%M:%SZ}"
    if held.expires_at <= now:
        until += ", a time that has passed"
    return SeriesLockedError(
        f"another run is at work on {held.series}: {held.run} of {holder.user}@{holder.host},"
        f" process {holder.process}, {until}",
        next_step="wait for it; if it is dead, the next `orchestrator apply` takes over",
    )


def lease_lost(lease: Lease, why: str) -> LeaseLostError:
    """Return the error for a run that is no longer the holder, and why it is not."""
    return LeaseLostError(
        f"run {lease.run} no longer holds the lease of {lease.series}: {why}",
        next_step="nothing more was written; run `orchestrator apply` again",
    )


def unknown_run(run: RunId) -> CatalogError:
    """Return the error for closing a run that was never recorded as started."""
    return CatalogError(
        f"run {run} cannot be closed: the catalog never heard of its start",
        next_step="check that --catalog and --state name the catalog that the run was started with",
    )


def identifier_taken(identifier: BackupId | RunId, *, by: Series, wanted: Series) -> CatalogError:
    """Return the error for an id that another series has: its random part came up twice."""
    return CatalogError(
        f"{identifier} of {wanted} cannot be recorded: {by} has the same id",
        next_step="run `orchestrator apply` again; the next id differs",
    )


def unknown_copy(verification: Verification) -> CatalogError:
    """Return the error for the verification of a copy that the catalog does not list."""
    return CatalogError(
        f"the verification of {verification.backup} at {verification.destination} cannot be"
        " recorded: the catalog lists no such copy",
        next_step="run `orchestrator list` to see which backups and destinations it knows",
    )


def unknown_backup(backup_id: BackupId) -> CatalogError:
    """Return the error for the mark of a backup that the catalog does not list."""
    return CatalogError(
        f"a mark of {backup_id} cannot be recorded: the catalog lists no such backup",
        next_step="run `orchestrator list` to see which backups it knows",
    )


def rename_locked(held: Lease) -> SeriesLockedError:
    """Return the error for a policy whose name cannot change while a run is at work on it."""
    return SeriesLockedError(
        f"{held.series.policy} cannot be renamed while run {held.run} of"
        f" {held.holder.user}@{held.holder.host} is at work on {held.series}",
        next_step="wait for it; the next `orchestrator apply` carries the backups over",
    )


def both_have_backups(old: PolicyName, new: PolicyName) -> RenameRefusedError:
    """Return the error for a new name under which there are backups already."""
    return RenameRefusedError(
        f"{new} cannot carry on the backups of {old}: both have backups",
        next_step=f"remove `renamed_from` from {new}; the backups of {old} stay, as retired",
    )
