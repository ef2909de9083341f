"""Replacing tables of an existing database by those of a backup (reference/postgres.md §1, rule 4).

Locked against writers → saved → emptied → loaded → guards brought back → compared → committed. On
any error nothing has changed.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace

from orchestrator.errors import ReplaceRefusedError, RestoreDiffersError, RestoreError
from orchestrator.execution.context import Execution
from orchestrator.execution.replace.safety import (
    Safety,
    hold,
    local_copy,
    require_every_row,
    save_into_series,
)
from orchestrator.execution.restore.announcing import announced_restore
from orchestrator.execution.restore.choosing import Chosen, choose_tables
from orchestrator.execution.restore.compare_restored import different_tables
from orchestrator.execution.restore.load_chunks import load_chunks
from orchestrator.execution.restore.log_restore import logged_restore
from orchestrator.execution.restore.material import Material, fetch_material, text_bytes
from orchestrator.model.backup import Backup
from orchestrator.model.contents import Details, SkippedEntry, Table
from orchestrator.model.policy import Source
from orchestrator.model.secret import Secret
from orchestrator.ports.destination import Destination
from orchestrator.ports.restoring.existing_database import (
    ExistingDatabase,
    ExistingEngine,
    ExistingRequest,
    Replacement,
    ReplacementPlan,
)

_IN_DOUBT = (
    "what was replaced is in a local copy and not in a backup of the policy, because this may not be"
    " its source"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplaceRequest:
    """What to replace where.

    ``tables`` are ``schema.table`` names, none of them for all. ``safety_place`` takes copies of
    databases that are not the policy's source.
    """

    database: str
    server_url: Secret
    tables: tuple[str, ...]
    safety_place: Callable[[], Destination]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplaceConsent:
    """What somebody agreed to beforehand.

    ``published``: subscribers are emptied and filled, too. ``lost_values``: columns that the backup
    does not have get their defaults in every row.
    """

    published: bool = False
    lost_values: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplaceReport:
    """What a replacement did.

    ``rows_before`` were replaced, and are in ``safety``; ``notes`` say what else happened (who was
    cancelled, which sequences were raised), ``skipped`` what does not equal the backup.
    """

    database: str
    tables: int
    rows: int
    rows_before: int
    size_bytes: int
    seconds: float
    proved: bool
    safety: Safety
    notes: tuple[str, ...]
    skipped: tuple[SkippedEntry, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedReplacement:
    """A replacement that somebody may agree to; nothing was done yet.

    ``is_source`` is true if the database is proved to be the one that the policy backs up;
    ``why_not_source`` says what is in doubt of one that only looks like it.
    """

    plan: ReplacementPlan
    is_source: bool
    why_not_source: str | None
    chosen: Chosen
    _backup: Backup
    _request: ReplaceRequest
    _material: Material
    _database: ExistingDatabase
    _execution: Execution

    def carry_out(self, *, prove: bool, consent: ReplaceConsent) -> ReplaceReport:
        """Replace the tables; start and end are logged with who did it.

        The places that are read are told, so that nothing goes from there meanwhile.

        Raises:
            ReplaceRefusedError: something stands in the way; nothing has changed.
            RestoreError: the server refused; nothing has changed.
            RestoreDiffersError: the tables did not equal the backup; nothing has changed.
            OrchestratorError: nothing has changed; the message says why.
        """
        self.require_no_obstacle(consent)
        execution = self._execution
        words = {"database": self._request.database, "into": "existing"}
        with (
            logged_restore(self._backup, words, execution) as detail,
            announced_restore(self._backup, execution),
        ):
            started = execution.clock.monotonic()
            report = self._replace(prove=prove)
            report = replace(report, seconds=execution.clock.monotonic() - started)
            detail |= {"rows": str(report.rows), "proved": str(prove).lower()}
            detail |= {"replaced": str(report.rows_before), "saved": saved_as(report.safety)}
        return report

    def require_no_obstacle(self, consent: ReplaceConsent) -> None:
        """Do nothing if nothing stands in the way.

        Raises:
            ReplaceRefusedError: everything that does is named.
        """
        obstacles = self.plan.obstacles
        if obstacles:
            raise ReplaceRefusedError(
                f"{self._request.database!r} cannot take these tables: {'; '.join(obstacles)}",
                next_step="change the tables, or restore with --into-new and move the rows yourself",
            )
        if self.plan.losses and not consent.lost_values:
            raise ReplaceRefusedError(
                f"values would be lost: {'; '.join(self.plan.losses)}",
                next_step="add --accept-lost-values if that is what you want (the safety backup has"
                " them), or restore with --into-new and move the rows yourself",
            )
        if self.plan.published and not consent.published:
            raise ReplaceRefusedError(
                f"subscribers would be emptied and filled, too: {'; '.join(self.plan.published)}",
                next_step="add --replace-published if that is what you want",
            )

    def _replace(self, *, prove: bool) -> ReplaceReport:
        notes: list[str] = []
        with (
            self._database.replacing(self.chosen.wanted, self.plan) as replacement,
            self._saved(replacement) as safety,
        ):
            notes += replacement.empty_tables()
            self._load(replacement)
            notes += replacement.restore_guards()
            self._compare(replacement, prove=prove)
            self._execution.interruption.check()
        return ReplaceReport(
            database=self._request.database,
            tables=len(self.chosen.tables),
            rows=self.chosen.rows,
            rows_before=self._rows_before(safety),
            size_bytes=text_bytes(self._chosen_details()),
            seconds=0.0,
            proved=prove,
            safety=safety,
            notes=tuple(notes),
            skipped=(*self.plan.stale, *self._large_objects()),
            warnings=(*self._material.objects.warnings, *safety.warnings),
        )

    @contextmanager
    def _saved(self, replacement: Replacement) -> Iterator[Safety]:
        # Asked again, because names may lead elsewhere by now.
        doubt = self._doubt() if self.is_source else self.why_not_source
        if self.is_source and doubt is None:
            yield self._saved_in_series(replacement)
            return
        warnings = () if doubt is None else (f"{_IN_DOUBT}: {doubt}",)
        folder = str(self._execution.new_run_id())
        place = self._request.safety_place()
        with local_copy(replacement, self._present(), place, folder) as safety:
            yield replace(safety, warnings=warnings)

    def _doubt(self) -> str | None:
        series = self._backup.series
        url = self._execution.policy_of(series).source.url
        return self._database.doubt_of(url, series.database)

    def _saved_in_series(self, replacement: Replacement) -> Safety:
        safety = save_into_series(self._backup.series, self.plan.identity, self._execution)
        missing = [table for table in self._present() if table.name not in safety.rows]
        if missing:
            raise RestoreError(
                "the policy does not back up "
                + ", ".join(str(table.name) for table in missing)
                + ", so what is in there now cannot be saved",
                next_step="nothing was changed; add it to tables.include, or use --into-new",
            )
        require_every_row(safety, replacement, self._present(), self._request.database)
        # Now, while only writers wait: a destination may be slow.
        troubles = hold(safety, self._request.database, self._execution)
        return replace(safety, warnings=(*safety.warnings, *troubles))

    def _present(self) -> Sequence[Table]:
        """Return every table that loses its rows, with the columns that it has now."""
        return [
            Table(name=now.name, columns=now.columns, blocks_per_chunk=1)
            for now in self.plan.tables
        ]

    def _load(self, replacement: Replacement) -> None:
        execution, details = self._execution, self._chosen_details()
        what = f"replacing tables of {self._request.database}"
        step = execution.progress.started(what, text_bytes(details))
        try:
            load_chunks(
                details,
                self._material.chunks,
                [replacement.loader],
                advanced=step.advanced,
                check=execution.interruption.check,
            )
        finally:
            step.finished()

    def _compare(self, replacement: Replacement, *, prove: bool) -> None:
        differences = different_tables(
            replacement,
            self.chosen.tables,
            self._material.chunks,
            prove=prove,
            check=self._execution.interruption.check,
        )
        if differences:
            raise RestoreDiffersError(
                f"the tables would differ from the backup: {'; '.join(differences)}",
                next_step="nothing was changed; restore another backup, or use --into-new",
            )

    def _chosen_details(self) -> Details:
        return replace(self._material.details, tables=self.chosen.tables, large_object_chunks=())

    def _rows_before(self, safety: Safety) -> int:
        return sum(safety.rows[now.name] for now in self.plan.tables)

    def _large_objects(self) -> tuple[SkippedEntry, ...]:
        objects = self._material.details.large_objects
        if not self.chosen.wanted.every_sequence:
            return self.chosen.large_objects_left_out
        if not objects:
            return ()
        reason = "they stay as they are; only --into-new restores them"
        entry = SkippedEntry(kind="LARGE OBJECTS", name=f"all {len(objects)}", reason=reason)
        return (entry,)


def saved_as(safety: Safety) -> str:
    """Return where the replaced rows are, for people and the log."""
    if safety.backup is not None:
        return f"backup {safety.backup.id}"
    return f"folder {safety.keys[0].partition('/')[0]}" if safety.keys else "nowhere"


@contextmanager
def prepare_replacement(
    backup: Backup, request: ReplaceRequest, engine: ExistingEngine, execution: Execution
) -> Iterator[PreparedReplacement]:
    """Find out what replacing would change; sessions stay open until the block ends.

    Raises:
        UsageError: the backup has no such table.
        DamagedBackupError: no copy has what is needed intact.
        DatabaseMissingError: there is no such database.
    """
    source = execution.policy_of(backup.series).source
    with ExitStack() as stack:
        material = fetch_material(backup, execution)
        chosen = choose_tables(material.details, request.tables)
        database = stack.enter_context(
            engine.open_existing(_existing_request(request, source, execution))
        )
        plan = database.look(chosen.wanted)
        same_url = request.server_url.reveal() == source.url.reveal()
        looks_like_it = _looks_like_source(
            backup, plan, material.details, request, same_url=same_url
        )
        doubt = database.doubt_of(source.url, backup.series.database)
        yield PreparedReplacement(
            plan=plan,
            is_source=doubt is None,
            why_not_source=doubt if looks_like_it else None,
            chosen=chosen,
            _backup=backup,
            _request=request,
            _material=material,
            _database=database,
            _execution=execution,
        )


def _existing_request(
    request: ReplaceRequest, source: Source, execution: Execution
) -> ExistingRequest:
    """Return the sessions to open; their name is of no other run: `doubt_of` looks for it."""
    return ExistingRequest(
        url=request.server_url,
        database=request.database,
        application_name=f"orchestrator:{execution.new_run_id()}",
        lock_timeout=source.lock_timeout,
        stall_timeout=source.stall_timeout,
    )


def _looks_like_source(
    backup: Backup,
    plan: ReplacementPlan,
    details: Details,
    request: ReplaceRequest,
    *,
    same_url: bool,
) -> bool:
    """Return whether somebody could take the database for the one that the policy backs up.

    By its identity, which a clone has, too; and by its name, because one that was swapped or
    restored has another identity.
    """
    then, now = details.identity, plan.identity
    same_server = then.system_identifier == now.system_identifier
    if same_server and then.database_oid == now.database_oid:
        return True
    return request.database == backup.series.database and (same_server or same_url)
