"""Pruning one copy: decided again under the lease, checked twice, then removed (design §6, §7)."""

from dataclasses import replace

from orchestrator.archive.layout import manifest_key
from orchestrator.archive.manifest import digest_of
from orchestrator.errors import DamagedBackupError, ObjectMissingError
from orchestrator.execution.attach_destination import open_attached
from orchestrator.execution.context import Execution
from orchestrator.execution.lease.hold_lease import hold_lease
from orchestrator.execution.prune.destination_clock import find_destination_trouble
from orchestrator.execution.prune.intents import find_readers
from orchestrator.execution.prune.look import look_again
from orchestrator.execution.prune.remove_copy import Removal, remove_copy
from orchestrator.execution.verification.verify_copy import prove_copy, verify_copy
from orchestrator.model.actions import PruneCopy
from orchestrator.model.backup import Backup, Copy, CopyState
from orchestrator.model.outcome import NotNeeded, Succeeded
from orchestrator.model.run import LogAction
from orchestrator.model.verification import Level
from orchestrator.planning.pruning.verdicts import Verdict
from orchestrator.planning.retention.copies import find_copy
from orchestrator.planning.upkeep.better_copy import find_better
from orchestrator.planning.upkeep.view import SeriesView, conditions_of, decide_place
from orchestrator.ports.destination import Destination


def prune_copy(action: PruneCopy, execution: Execution) -> Succeeded | NotNeeded:
    """Remove a copy if it may still go by what is known under the lease, or say why it may not.

    Raises:
        ObjectKeptError: the destination does not let go of an object.
        SeriesLockedError: another run is at work on the series.
        LeaseLostError: another run took over; nothing more was removed.
        DestinationError: the destination cannot be reached, or is not ours.
    """
    with hold_lease(action.series, execution.new_run_id(), execution) as held:
        view = look_again(action.series, execution)
        backup = next((one for one in view.backups if one.id == action.backup), None)
        copy = None if backup is None else find_copy(backup, action.destination)
        if backup is None or copy is None:
            return NotNeeded(action=action, summary=f"{action.backup} was pruned already")
        destination = open_attached(action.destination, execution)
        refusal = _find_refusal(action, copy, view, destination, execution=execution)
        if refusal is not None:
            return NotNeeded(action=action, summary=f"{action.backup} stays: {refusal}")
        remove_copy(
            Removal(
                backup=backup,
                copy=copy,
                destination=destination,
                reason=action.reason,
                about=LogAction.PRUNE,
                check=held.check,
            ),
            execution,
        )
    return Succeeded(
        action=action, summary=f"pruned {action.backup} at {action.destination}: {action.reason}"
    )


def _find_refusal(
    action: PruneCopy,
    copy: Copy,
    view: SeriesView,
    destination: Destination,
    *,
    execution: Execution,
) -> str | None:
    """Return why a copy may not go after all, or None."""
    if copy.state is not CopyState.PRUNING:
        refusal = _decide_again(action, _prove_newest(action, view, execution))
        if refusal is not None:
            return refusal
    return (
        find_destination_trouble(view.backups, destination, view.now)
        or _find_nothing_better(action, view, destination, execution)
        or find_readers(destination, view.backups[0].path, view.now)
    )


def _decide_again(action: PruneCopy, view: SeriesView) -> str | None:
    allowed = len(view.backups) if action.allowed else 0
    decision = decide_place(view, action.destination, allowed=allowed)
    if action.backup in decision.locked:
        return "the destination refused to let go of it less than a day ago"
    for one in decision.pruning.decisions:
        if one.copy.id == action.backup:
            is_marked = action.backup in decision.marks
            return None if one.verdict is Verdict.PRUNE and is_marked else one.reason
    return decision.kept[action.backup].sentence


def _find_nothing_better(
    action: PruneCopy, view: SeriesView, destination: Destination, execution: Execution
) -> str | None:
    """Return why nothing proves that a better copy remains there (invariant I5).

    One that turns out to be damaged is recorded as such, so that the next plan counts without it.
    """
    better = find_better(view.backups, action.backup, action.destination)
    if better is None:
        return "no better copy of the series would remain there"
    trouble = _find_manifest_trouble(better, destination)
    if trouble is None:
        return None
    verify_copy(better, destination.name, Level.STORED, execution)
    return f"{better.id}, which would remain there as the best, {trouble}"


def _find_manifest_trouble(better: Backup, destination: Destination) -> str | None:
    try:
        data = destination.read(manifest_key(better.path, better.id))
    except ObjectMissingError:
        return "has no manifest there"
    return None if digest_of(data) == better.manifest_digest else "has another manifest there"


def _prove_newest(action: PruneCopy, view: SeriesView, execution: Execution) -> SeriesView:
    """Read the best copy again if only a full destination lets something go (design §7)."""
    failure = view.latest_failure
    if failure is None or not conditions_of(view).destination_is_full:
        return view
    better = find_better(view.backups, action.backup, action.destination)
    if better is None:
        return replace(view, is_intact=False)
    copy = find_copy(better, action.destination)
    proved_at = None if copy is None else copy.verified_at
    if proved_at is not None and proved_at > (failure.finished_at or view.now):
        return view
    return replace(view, is_intact=_is_whole(better, action, execution))


def _is_whole(better: Backup, action: PruneCopy, execution: Execution) -> bool:
    try:
        prove_copy(better, action.destination, Level.OBJECTS, execution)
    except DamagedBackupError:
        return False
    return True
