"""Asking the guards about a backup that is about to be published (design §7, F41, F42)."""

import logging
from datetime import datetime
from operator import attrgetter

from orchestrator.errors import DamagedBackupError, DestinationError, UnreadableManifestError
from orchestrator.execution.context import Execution
from orchestrator.execution.restore.fetch_objects import open_backup, read_details
from orchestrator.execution.restore.swap_log import swapped_in
from orchestrator.model.backup import Backup
from orchestrator.model.contents import Details
from orchestrator.model.marks import Suspicion
from orchestrator.model.names import Series
from orchestrator.model.policy import Policy
from orchestrator.planning.guards import Judgement, Reference, judge

_log = logging.getLogger(__name__)

REFERENCES_TRIED = 3


def judge_backup(
    details: Details, policy: Policy, series: Series, execution: Execution
) -> Judgement:
    """Return what is suspicious about a backup with these details, and what could not be judged.

    It is compared with the newest unsuspicious backup whose stored details can be read. If none of
    the last few can be, the totals that the catalog remembers are compared; the notes say so. A
    safety copy, which shows what somebody did not want, is no measure (ADR 0015).
    """
    unsuspicious = sorted(
        (
            backup
            for backup in execution.reader.backups(series)
            if not (backup.is_suspicious or backup.is_safety_copy)
        ),
        key=attrgetter("position"),
        reverse=True,
    )
    notes: list[str] = []
    for backup in unsuspicious[:REFERENCES_TRIED]:
        try:
            reference = Reference(
                backup=backup,
                details=_stored_details(backup, execution),
                swapped_in=swapped_in(series, execution, since=backup.snapshot_at),
                standby_lag=policy.source.max_standby_lag,
            )
        except (DamagedBackupError, DestinationError, UnreadableManifestError) as error:
            _log.debug("reference_not_read: %s", error, exc_info=error)
            notes.append(f"the guards could not compare with {backup.id}: {error.what}")
            continue
        return _with_notes(judge(details, reference, policy.guards), notes)
    blind = Reference(backup=unsuspicious[0], details=None) if unsuspicious else None
    return _with_notes(judge(details, blind, policy.guards), notes)


def suspicion_of(judgement: Judgement, *, at: datetime) -> Suspicion | None:
    """Return the mark that a judgement asks for, or None."""
    return Suspicion(at=at, reasons=judgement.reasons) if judgement.reasons else None


def say_suspicion(backup: Backup) -> tuple[str, ...]:
    """Return, for people, why a backup is suspicious and what to do about it; or nothing."""
    if backup.suspicion is None:
        return ()
    return (
        *(f"{backup.id} is SUSPICIOUS: {reason}" for reason in backup.suspicion.reasons),
        (
            f"nothing of {backup.series} is pruned until somebody has looked at it and says"
            f" `orchestrator acknowledge {backup.id} --reason …`"
        ),
    )


def _stored_details(backup: Backup, execution: Execution) -> Details:
    objects = open_backup(backup, execution)
    return read_details(objects, objects.manifest())


def _with_notes(judgement: Judgement, notes: list[str]) -> Judgement:
    return Judgement(reasons=judgement.reasons, notes=(*notes, *judgement.notes))
