"""Learning marks that only the places of a backup know: a catalog may be older than they are (F74)."""

import logging
from collections.abc import Sequence

from orchestrator.errors import DestinationError, PruneRefusedError
from orchestrator.execution.attach_destination import open_attached
from orchestrator.execution.context import Execution
from orchestrator.execution.stored_marks.read_marks import look_at_marks
from orchestrator.model.backup import Backup
from orchestrator.model.marks import Mark
from orchestrator.model.names import DestinationName
from orchestrator.model.run import LogAction, LogOutcome

_log = logging.getLogger(__name__)


def learn_marks(backup: Backup, place: DestinationName, execution: Execution) -> Backup:
    """Return a backup as all of its marks say, those at its places included, and record them.

    Another place than ``place`` that cannot be reached is left out: a mark goes to all of them.

    Raises:
        PruneRefusedError: a mark that the catalog does not know cannot be read.
        DestinationError: ``place`` cannot be read.
    """
    troubles: dict[str, str] = {}
    for copy in backup.copies:
        known = [mark.name for mark in execution.marks.marks(backup.id)]
        try:
            destination = open_attached(copy.destination, execution)
            seen = look_at_marks(backup, destination, known=known)
        except DestinationError as error:
            if copy.destination == place:
                raise
            _log.debug("marks_not_read: %s", error, exc_info=error)
            continue
        troubles |= seen.troubles
        record_marks(backup, seen.marks, execution)
    marks = execution.marks.marks(backup.id)
    unknown = sorted(troubles.keys() - {mark.name for mark in marks})
    if unknown:
        raise PruneRefusedError(
            f"backup {backup.id} is not pruned: a mark of it cannot be read: {troubles[unknown[0]]}",
            next_step="it may be a hold: see what lies there, and remove that object only if nothing"
            " was to be kept",
        )
    return backup.marked(marks)


def record_marks(backup: Backup, marks: Sequence[Mark], execution: Execution) -> None:
    """Record the marks of a backup that the catalog does not know, those taken back included.

    Raises:
        CatalogError: the catalog does not list the backup, or cannot take it.
    """
    known = {mark.name for mark in execution.marks.marks(backup.id)}
    for mark in marks:
        if mark.name not in known:
            detail = {"backup": str(backup.id), "mark": mark.name}
            entry = execution.log_entry(
                LogAction.REBUILD, str(backup.series), LogOutcome.SUCCEEDED, detail
            )
            execution.marks.record_mark(backup.id, mark, entry)
