"""Where the backups of a series lie, settled at its first backup for ever (design §6)."""

from orchestrator.errors import SeriesLockedError
from orchestrator.execution.context import Execution
from orchestrator.execution.former_names import find_renames
from orchestrator.execution.lease.adopt_backups import series_path_of
from orchestrator.model.names import Series


def settle_path(series: Series, execution: Execution) -> str:
    """Return the path of a series that is about to be written to.

    Raises:
        SeriesLockedError: its backups still have their former name, so that a first one now would
            begin a second series beside them.
        CatalogError: the catalog cannot be read.
    """
    former = find_renames(execution.desired, execution.reader).pending.get(series.policy)
    if former is not None:
        raise SeriesLockedError(
            f"the backups of {former} are not carried over to {series.policy} yet",
            next_step="a run is at work on them; `orchestrator apply` carries them over after it",
        )
    return series_path_of(series, execution)
