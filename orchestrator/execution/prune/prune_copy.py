"""Pruning one copy: decided again under the lease, checked twice, then removed (design §6, §7)."""

from dataclasses import replace

from orchestrator.archive.layout import manifest_key
from orchestrator.archive.manifest import digest_of
from orchestrator.errors import DamagedBackupError, ObjectMissingError, PruneRefusedError
from orchestrator.execution.attach_destination import open_attached
from orchestrator.execution.context import Execution
from orchestrator.execution.lease.hold_lease import HeldLease, hold_lease
from orchestrator.execution.lease.older_catalog import refuse_older_catalog
from orchestrator.execution.prune.destination_clock import refuse_if_clocks_differ
from orchestrator.execution.prune.intents import find_readers
from orchestrator.execution.prune.look import look_again
from orchestrator.execution.prune.remove_copy import Removal, remove_copy, take_back
from orchestrator.execution.stored_marks.learn_marks import learn_marks
from orchestrator.execution.verification.verify_copy import prove_copy, verify_copy
from orchestrator.model.actions import PruneCopy
from orchestrator.model.backup import Backup, CopyState
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

    A removal that was interrupted is decided again, too, while the manifest is there.

    Raises:
        ObjectKeptError: the destination does not let go of an object.
        OlderCatalogError: newer backups lie there than this catalog knows.
        PruneRefusedError: the destination's clock is not ours, or a mark there cannot be read.
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
        removal = Removal(
            backup=backup,
            copy=copy,
            destination=open_attached(action.destination, execution),
            reason=action.reason,
            about=LogAction.PRUNE,
            check=held.check,
        )
        refusal = _find_refusal(action, removal, view, held, execution)
        if refusal is None:
            refusal = _remove_unless_held(removal, execution)
        if refusal is not None:
            if removal.has_begun:
                take_back(removal, refusal, execution)
            return NotNeeded(action=action, summary=f"{action.backup} stays: {refusal}")
    return Succeeded(
        action=action, summary=f"pruned {action.backup} at {action.destination}: {action.reason}"
    )


def _remove_unless_held(removal: Removal, execution: Execution) -> str | None:
    try:
        remove_copy(removal, execution)
    except PruneRefusedError as error:
        return error.what
    return None


def _find_refusal(
    action: PruneCopy,
    removal: Removal,
    view: SeriesView,
    held: HeldLease,
    execution: Execution,
) -> str | None:
    """Return why a copy may not go after all, or None."""
    destination, path = removal.destination, removal.backup.path
    refuse_older_catalog(action.series, destination, execution)
    if not removal.is_half_gone:
        view = _as_it_was(removal, view, execution)
        refusal = _decide_again(action, removal, _prove_newest(action, view, execution))
        if refusal is not None:
            return refusal
    refuse_if_clocks_differ(destination, path, held=held, execution=execution)
    return _find_nothing_better(action, view, destination, execution) or find_readers(
        destination, path, view.now
    )


def _as_it_was(removal: Removal, view: SeriesView, execution: Execution) -> SeriesView:
    """Return the view with all marks of the backup, its copy as before its removal began."""
    learned = learn_marks(removal.backup, removal.destination.name, execution)
    copies = tuple(
        replace(copy, state=CopyState.COMPLETE if copy.trouble is None else CopyState.DAMAGED)
        if copy == removal.copy and removal.has_begun
        else copy
        for copy in learned.copies
    )
    whole = replace(learned, copies=copies)
    return replace(view, backups=[whole if one.id == whole.id else one for one in view.backups])


def _decide_again(action: PruneCopy, removal: Removal, view: SeriesView) -> str | None:
    # What had begun to go was measured then.
    is_measured = not action.allowed and not removal.has_begun
    allowed = 0 if is_measured else len(view.backups)
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
