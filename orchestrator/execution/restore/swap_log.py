"""What the log says of swaps, so that a guard expects the database that one put there."""

from datetime import datetime

from orchestrator.execution.context import Execution
from orchestrator.model.contents import ServerIdentity
from orchestrator.model.names import Series
from orchestrator.model.run import LogAction

_SYSTEM, _OID = "system_identifier", "database_oid"


def identity_words(identity: ServerIdentity) -> dict[str, str]:
    """Return what the log entry of a swap says of the database that takes the source's place."""
    return {_SYSTEM: identity.system_identifier, _OID: str(identity.database_oid)}


def swapped_in(
    series: Series, execution: Execution, *, since: datetime
) -> frozenset[tuple[str, int]]:
    """Return, as system identifier and oid, the databases that swaps put in place since then.

    A swap that began counts: killed after the renames, it left no more than its start in the log,
    and if it failed before them no database of that oid has the source's name.

    Raises:
        CatalogError: the log cannot be read.
    """
    return frozenset(
        (entry.detail[_SYSTEM], int(entry.detail[_OID]))
        for entry in execution.reader.log(since=since)
        if entry.action is LogAction.RESTORE
        and entry.subject == str(series)
        and {_SYSTEM, _OID} <= entry.detail.keys()
    )
