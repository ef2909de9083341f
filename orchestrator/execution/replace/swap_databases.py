"""Restoring into a new database, proving it, and giving it the old one's name.

Nothing takes the place of a database that is less than it, unless somebody accepted just that:
what is known beforehand stops it before anything is built, and what turns out later stops it
before the names are exchanged.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256

from orchestrator.errors import OrchestratorError, ReplaceRefusedError
from orchestrator.execution.context import Execution
from orchestrator.execution.restore.log_restore import logged_restore
from orchestrator.execution.restore.material import fetch_material
from orchestrator.execution.restore.restore_backup import (
    LONGEST_NAME,
    RestoreChoices,
    RestoreReport,
    look_ahead,
    restore_into_new,
)
from orchestrator.execution.restore.swap_log import identity_words
from orchestrator.model.backup import Backup
from orchestrator.model.contents import INVALID_INDEX, WITHOUT_ROWS, Details, LeftOut
from orchestrator.model.secret import Secret
from orchestrator.ports.restoring.swapping import (
    ChangedTable,
    SwapOutlook,
    Swapper,
    SwapRequest,
    SwapResult,
)
from orchestrator.ports.restoring.target_inspection import TargetInspector

_PATIENCE = timedelta(seconds=30)
_SET_ASIDE = RestoreChoices(set_aside=True)
_WITHOUT_LOSS = frozenset({WITHOUT_ROWS, INVALID_INDEX, "foreign table", "unlogged table"})
"""What a backup leaves out and a swap does not lose, or finds by counting the tables."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SwapConsent:
    """What somebody accepted that the database in use will lack afterwards.

    ``left_out`` are owners, grants, extensions and the like; ``empty_tables`` are the rows of tables
    that the policy does not back up.
    """

    left_out: bool = False
    empty_tables: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SwapReport:
    """What was restored, and under which name the old database is kept."""

    restored: RestoreReport
    database: str
    kept_as: str
    result: SwapResult


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedSwap:
    """A swap that somebody may agree to; nothing was done yet.

    ``missing`` is what the new database would lack beside rows, in words; ``obstacles`` would stop
    the restore itself.
    """

    request: SwapRequest
    tables: int
    rows: int
    missing: tuple[str, ...]
    obstacles: tuple[str, ...]
    outlook: SwapOutlook
    _backup: Backup
    _details: Details
    _swapper: Swapper
    _execution: Execution

    def require_consent(self, consent: SwapConsent) -> None:
        """Do nothing if nothing stands in the way, or all of it was accepted.

        Raises:
            ReplaceRefusedError: everything that does is named.
        """
        reasons: list[str] = []
        steps: list[str] = []
        if self.obstacles:
            reasons.append("; ".join(self.obstacles))
            steps.append("remove what stands in the way")
        if self.missing and not consent.left_out:
            reasons.append(f"it would lack {'; '.join(self.missing)}")
            steps.append("grant or install what is missing, or accept it with --accept-left-out")
        lost = self.outlook.differences.not_backed_up
        if lost and not consent.empty_tables:
            reasons.append(f"the policy backs up no rows of {', '.join(map(_rows_of, lost))}")
            steps.append("accept that these would be empty with --accept-empty-tables")
        if reasons:
            raise ReplaceRefusedError(
                f"{self.request.name!r} is not replaced: {'; '.join(reasons)}",
                next_step=f"nothing was changed; {', and '.join(steps)}",
            )

    def carry_out(self, consent: SwapConsent) -> SwapReport:
        """Restore and prove beside the running database, then exchange the names of both.

        Raises:
            ReplaceRefusedError: the restored database lacks what nobody accepted; it stays under a
                name of its own, and nothing else has changed.
            RestoreError: the database is as it was; the restored one may stay under its own name.
        """
        self.require_consent(consent)
        request, execution = self.request, self._execution
        restored = restore_into_new(
            self._backup,
            name=request.restored,
            prove=True,
            server_url=request.url,
            execution=execution,
            choices=_SET_ASIDE,
        )
        with self._saying_what_stays():
            words = {"database": request.name, "into": "swap", "kept_as": request.kept_as}
            words |= identity_words(self._swapper.identify_restored(request))
            with logged_restore(self._backup, words, execution) as detail:
                if not consent.left_out:
                    _require_complete(restored, request)
                result = self._swapper.swap(request, self._details)
                detail["changed_tables"] = _changed_tables(result)
        return SwapReport(
            restored=restored, database=request.name, kept_as=request.kept_as, result=result
        )

    @contextmanager
    def _saying_what_stays(self) -> Iterator[None]:
        try:
            yield
        except OrchestratorError as error:
            error.next_step += (
                f"; {self.request.restored!r} stays, built and proved: before the same restore is run"
                f" again, drop it with {self._swapper.drop_statement(self.request)}"
            )
            raise


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


def prepare_swap(
    backup: Backup,
    request: SwapRequest,
    swapper: Swapper,
    inspector: TargetInspector,
    execution: Execution,
) -> PreparedSwap:
    """Find out what a swap would lose; nothing is changed.

    Raises:
        DatabaseMissingError: there is no such database.
        ReplaceRefusedError: this role may not rename it, or not count what it holds.
        DamagedBackupError: no copy has what is needed intact.
    """
    details = fetch_material(backup, execution).details
    outlook = swapper.look(request, details)
    ahead = look_ahead(
        backup,
        name=request.restored,
        server_url=request.url,
        inspector=inspector,
        execution=execution,
        choices=_SET_ASIDE,
    )
    lost = [str(item) for item in details.absent if _is_lost(item)]
    return PreparedSwap(
        request=request,
        tables=ahead.tables,
        rows=ahead.rows,
        missing=(*ahead.findings.missing, *lost),
        obstacles=ahead.findings.obstacles,
        outlook=outlook,
        _backup=backup,
        _details=details,
        _swapper=swapper,
        _execution=execution,
    )


def _require_complete(restored: RestoreReport, request: SwapRequest) -> None:
    if restored.skipped:
        lacking = "; ".join(map(str, restored.skipped))
        raise ReplaceRefusedError(
            f"{request.name!r} was not replaced: {request.restored!r} has every row, but lacks"
            f" {lacking}",
            next_step=f"{request.name!r} is as it was; grant or install what is missing, or accept"
            " it with --accept-left-out",
        )


def _is_lost(item: LeftOut) -> bool:
    return item.kind not in _WITHOUT_LOSS


def _rows_of(table: ChangedTable) -> str:
    return f"{table.name} ({table.now} now)"


def _changed_tables(result: SwapResult) -> str:
    found = result.differences
    return "unknown" if found is None else str(len(found.written) + len(found.not_backed_up))


def _longer(name: str, ending: str) -> str:
    kept = name.encode()[: LONGEST_NAME - len(ending)].decode(errors="ignore")
    return kept + ending
