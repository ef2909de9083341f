"""Reading one copy of a backup again, to prove it to a level (design §8; faults F57-F60).

Damage is what a copy has: an object that is missing, has another size or digest, or contradicts
the details. A destination that cannot be reached is no damage; nothing is recorded then.
"""

from collections.abc import Sequence

from orchestrator.errors import BackupNotFoundError, DamagedBackupError, NotSupportedYetError
from orchestrator.execution.attach_destination import open_attached
from orchestrator.execution.context import Execution
from orchestrator.execution.verification.read_copy import (
    CopyReading,
    examine_copy,
    examine_instructions,
)
from orchestrator.execution.verification.shared_damage import damage_of_others
from orchestrator.model.actions import VerifyCopy
from orchestrator.model.backup import Backup
from orchestrator.model.names import DestinationName
from orchestrator.model.outcome import Succeeded
from orchestrator.model.run import LogAction, LogOutcome
from orchestrator.model.verification import Damage, Level, Verification
from orchestrator.ports.destination import DestinationReader

_SHOWN = 3
"""How many damaged objects an error names; `orchestrator verify` shows all."""


def verify_planned_copy(action: VerifyCopy, execution: Execution) -> Succeeded:
    """Prove the copy that a plan names.

    Raises:
        DamagedBackupError: it is damaged; the catalog knows.
    """
    backup = execution.reader.backup(action.backup)
    if backup is None:
        raise BackupNotFoundError(
            f"the catalog lists no backup {action.backup}",
            next_step="see `orchestrator list`",
        )
    verification = prove_copy(backup, action.destination, action.level, execution)
    return Succeeded(
        action=action,
        summary=f"{backup.id} at {action.destination} is verified to {action.level.label}",
        backup=backup,
        verifications=(verification,),
    )


def prove_copy(
    backup: Backup, destination: DestinationName, level: Level, execution: Execution
) -> Verification:
    """Verify a copy, and return the verification only if it passed.

    Raises:
        DamagedBackupError: it did not; the catalog knows.
    """
    verification = verify_copy(backup, destination, level, execution)
    if verification.passed:
        return verification
    raise DamagedBackupError(
        f"backup {backup.id} at {destination} is damaged: {_in_words(verification.damage)}",
        next_step=(
            f"`orchestrator backup {backup.series.policy}` takes a new one, which reads every"
            " stored chunk again before it relies on it"
        ),
    )


def verify_copy(
    backup: Backup, destination: DestinationName, level: Level, execution: Execution
) -> Verification:
    """Read one copy again to a level, and record in the catalog what was found.

    Damage is recorded with every backup of the series that shares the damaged object.

    Raises:
        NotSupportedYetError: the level is `restored`, which takes a drill.
        DestinationError: the destination cannot be reached or is not ours; nothing is recorded.
    """
    if level is Level.RESTORED:
        raise NotSupportedYetError(
            "a copy cannot be verified to `restored` yet: drills are not built",
            next_step="verify to `content`, and rehearse with `orchestrator restore … --prove`",
        )
    source = open_attached(destination, execution)
    verification = _verify(backup, source, level, execution)
    _record(verification, backup, execution)
    if verification.damage:
        for other, shared in damage_of_others(verification, backup, source, execution):
            _record(shared, other, execution)
    return verification


def _verify(
    backup: Backup, source: DestinationReader, level: Level, execution: Execution
) -> Verification:
    step = execution.progress.started(f"verifying {backup.id}", backup.stored_bytes)
    reading = CopyReading(
        source=source,
        workers=execution.workers,
        step=step,
        check=execution.interruption.check,
    )
    try:
        manifest, damage = examine_copy(backup, level, reading)
        beside = examine_instructions(level, reading)
    finally:
        step.finished()
    objects = manifest.objects if manifest else ()
    return Verification(
        backup=backup.id,
        destination=source.name,
        level=level,
        at=execution.clock.now(),
        objects=len(objects),
        stored_bytes=sum(stored.size for stored in objects),
        damage=tuple(damage),
        beside=tuple(beside),
    )


def _in_words(damage: Sequence[Damage]) -> str:
    shown = "; ".join(str(found) for found in damage[:_SHOWN])
    more = len(damage) - _SHOWN
    return f"{shown}; and {more} more" if more > 0 else shown


def _record(verification: Verification, backup: Backup, execution: Execution) -> None:
    detail = {
        "backup": str(backup.id),
        "destination": str(verification.destination),
        "level": verification.level.label,
    }
    if verification.damage:
        detail["damage"] = _in_words(verification.damage)
    if verification.beside:
        detail["beside"] = _in_words(verification.beside)
    outcome = LogOutcome.SUCCEEDED if verification.passed else LogOutcome.FAILED
    execution.writer.record_verification(
        verification,
        execution.log_entry(LogAction.VERIFY, str(backup.series), outcome, detail),
    )
