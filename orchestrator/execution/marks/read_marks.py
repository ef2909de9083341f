"""Reading the marks of a backup from where it lies: they outlive the catalog (design §6)."""

import logging
from datetime import datetime

from orchestrator.archive.layout import marks_prefix
from orchestrator.archive.marks import decode_mark
from orchestrator.errors import DamagedBackupError, ObjectMissingError, UnreadableManifestError
from orchestrator.model.backup import Backup
from orchestrator.model.marks import Mark, Suspicion
from orchestrator.model.names import ObjectKey
from orchestrator.ports.destination import DestinationReader

_log = logging.getLogger(__name__)


def read_marks(backup: Backup, destination: DestinationReader, *, at: datetime) -> tuple[Mark, ...]:
    """Return every mark of a backup that lies at a destination.

    One that cannot be read may be a suspicion or a hold. It counts as a suspicion of the time
    ``at``, so that nothing of the series is pruned before somebody has looked.

    Raises:
        DestinationError: the destination cannot be read.
    """
    prefix = marks_prefix(backup.path, backup.id)
    marks: list[Mark] = []
    troubles: list[str] = []
    for info in destination.list(prefix):
        try:
            marks.append(_read(info.key, backup, destination))
        except (DamagedBackupError, ObjectMissingError, UnreadableManifestError) as error:
            _log.warning("mark_not_read", extra={"object_key": info.key})
            troubles.append(error.what)
    if not troubles:
        return tuple(marks)
    others = (mark for mark in marks if not isinstance(mark, Suspicion))
    found = [reason for mark in marks if isinstance(mark, Suspicion) for reason in mark.reasons]
    return (*others, Suspicion(at=at, reasons=(*found, *troubles)))


def _read(key: ObjectKey, backup: Backup, destination: DestinationReader) -> Mark:
    return decode_mark(destination.read(key), key=key, path=backup.path, backup=backup.id)
