"""Reading the marks of a backup from where it lies: they outlive the catalog (design §6)."""

import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from orchestrator.archive.layout import marks_prefix
from orchestrator.archive.marks import decode_mark
from orchestrator.errors import DamagedBackupError, ObjectMissingError, UnreadableManifestError
from orchestrator.model.backup import Backup
from orchestrator.model.marks import Mark, Suspicion
from orchestrator.model.names import ObjectKey
from orchestrator.ports.destination import DestinationReader

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenMarks:
    """The marks of a backup at a destination, and why others there cannot be read, by name."""

    marks: tuple[Mark, ...]
    troubles: Mapping[str, str]


def look_at_marks(
    backup: Backup, destination: DestinationReader, *, known: Collection[str] = ()
) -> SeenMarks:
    """Return every mark of a backup that lies at a destination, but those that are known by name.

    Raises:
        DestinationError: the destination cannot be read.
    """
    prefix = marks_prefix(backup.path, backup.id)
    marks: list[Mark] = []
    troubles: dict[str, str] = {}
    for info in destination.list(prefix):
        name = info.key.removeprefix(prefix).removesuffix(".json")
        if name in known:
            continue
        try:
            marks.append(_read(info.key, backup, destination))
        except (DamagedBackupError, ObjectMissingError, UnreadableManifestError) as error:
            _log.warning("mark_not_read", extra={"object_key": info.key})
            troubles[name] = error.what
    return SeenMarks(marks=tuple(marks), troubles=troubles)


def read_marks(backup: Backup, destination: DestinationReader, *, at: datetime) -> tuple[Mark, ...]:
    """Return every mark of a backup that lies at a destination.

    One that cannot be read may be a suspicion or a hold. It counts as a suspicion of the time
    ``at``, so that nothing of the series is pruned before somebody has looked.

    Raises:
        DestinationError: the destination cannot be read.
    """
    seen = look_at_marks(backup, destination)
    if not seen.troubles:
        return seen.marks
    others = (mark for mark in seen.marks if not isinstance(mark, Suspicion))
    found = [r for mark in seen.marks if isinstance(mark, Suspicion) for r in mark.reasons]
    return (*others, Suspicion(at=at, reasons=(*found, *seen.troubles.values())))


def _read(key: ObjectKey, backup: Backup, destination: DestinationReader) -> Mark:
    return decode_mark(destination.read(key), key=key, path=backup.path, backup=backup.id)
