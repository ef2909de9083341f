"""Restoring into a new database, proving it, and giving it the old one's name."""

from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256

from orchestrator.execution.context import Execution
from orchestrator.execution.restore.log_restore import logged_restore
from orchestrator.execution.restore.material import fetch_material
from orchestrator.execution.restore.restore_backup import (
    LONGEST_NAME,
    RestoreReport,
    restore_into_new,
)
from orchestrator.model.backup import Backup
from orchestrator.model.secret import Secret
from orchestrator.ports.restoring.swapping import Swapper, SwapRequest, SwapResult

_PATIENCE = timedelta(seconds=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class SwapReport:
    """What was restored, and under which name the old database is kept."""

    restored: RestoreReport
    database: str
    kept_as: str
    result: SwapResult


def swap_request(backup: Backup, server_url: Secret, execution: Execution) -> SwapRequest:
    """Return which databases would change names, for a swap that begins now."""
    name = str(backup.series.database)
    mark = sha256(f"{backup.id} {name} swap".encode()).hexdigest()[:6]
    return SwapRequest(
        url=server_url,
        name=name,
        restored=_longer(name, f"_restored_{mark}"),
        kept_as=_longer(name, f"_before_{execution.clock.now():%Y%m%dT%H%M%SZ}"),
        application_name=f"orchestrator:{execution.new_run_id()}",
        patience=_PATIENCE,
    )


def swap_databases(
    backup: Backup, request: SwapRequest, swapper: Swapper, execution: Execution
) -> SwapReport:
    """Restore and prove beside the running database, then exchange the names of both.

    Raises:
        RestoreError: the database is as it was; the restored one may stay under its own name.
    """
    swapper.require_swappable(request)
    restored = restore_into_new(
        backup, name=request.restored, prove=True, server_url=request.url, execution=execution
    )
    words = {"database": request.name, "into": "swap", "kept_as": request.kept_as}
    with logged_restore(backup, words, execution) as detail:
        tables = fetch_material(backup, execution).details.tables
        result = swapper.swap(request, tables)
        detail["changed_tables"] = str(len(result.changed))
    return SwapReport(
        restored=restored, database=request.name, kept_as=request.kept_as, result=result
    )


def _longer(name: str, ending: str) -> str:
    kept = name.encode()[: LONGEST_NAME - len(ending)].decode(errors="ignore")
    return kept + ending
