"""Restoring one backup into a new database (reference/postgres.md §1, "Restoring").

Digests first, a temporary name, pre-data, rows in parallel, post-data, comparison; renamed last.
Whatever fails leaves only the temporary name.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from hashlib import sha256

from orchestrator.errors import UsageError
from orchestrator.execution.context import Execution
from orchestrator.execution.restore.announcing import announced_restore
from orchestrator.execution.restore.choosing import Chosen, choose_tables
from orchestrator.execution.restore.compare_restored import compare_restored
from orchestrator.execution.restore.load_chunks import load_chunks
from orchestrator.execution.restore.log_restore import logged_restore
from orchestrator.execution.restore.material import Material, fetch_material, text_bytes
from orchestrator.execution.restore.owners import require_owners
from orchestrator.model.backup import Backup
from orchestrator.model.contents import Details, LeftOut, SkippedEntry
from orchestrator.model.secret import Secret
from orchestrator.ports.engine import NewDatabase, Ownership, RestoreRequest
from orchestrator.ports.restoring.target_inspection import TargetFindings, TargetInspector

LONGEST_NAME = 63
"""Bytes of a PostgreSQL name (NAMEDATALEN - 1)."""

STALL_TIMEOUT = timedelta(minutes=2)
"""How long a server may be silent, where no policy says it (design §3)."""

_KEPT_OF_NAME = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreReport:
    """What a restore did. ``size_bytes`` is the COPY text that was loaded.

    ``skipped`` are accessory entries that could not be recreated; ``warnings`` say which copies
    had to be passed over. ``proved`` is true if every row was read again and is equal.
    ``left_out`` is what the backup never had, so that the database cannot have it either;
    ``notes`` is what was done beside the database.
    """

    database: str
    tables: int
    rows: int
    size_bytes: int
    seconds: float
    skipped: tuple[SkippedEntry, ...]
    proved: bool
    warnings: tuple[str, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreChoices:
    """What of a backup is restored, and whose it shall be.

    ``tables``, as ``schema.table``, are the only ones restored if there are any, with what they need.
    ``set_aside`` makes a database that is to get another name later, ``skip_failed_indexes`` and
    ``skip_failed_constraints`` leave out what cannot be built (`RestoreRequest`).
    """

    tables: tuple[str, ...] = ()
    ownership: Ownership = field(default_factory=Ownership)
    set_aside: bool = False
    skip_failed_indexes: bool = False
    skip_failed_constraints: bool = False


EVERYTHING = RestoreChoices()


def restore_into_new(
    backup: Backup,
    *,
    name: str,
    prove: bool,
    server_url: Secret,
    execution: Execution,
    choices: RestoreChoices = EVERYTHING,
) -> RestoreReport:
    """Rebuild a backup as a new database, compare it, and give it its name last of all.

    With ``prove`` every row is read again and compared. Start and end are logged with who did it,
    and the places that are read are told, so that nothing goes from there meanwhile.

    Raises:
        UsageError: the name is empty or too long, or the backup has no such table or owner.
        TargetExistsError: the name is taken.
        DamagedBackupError: no copy has some object intact.
        RestoreDiffersError: the database does not equal the backup; it keeps its temporary name.
        RestoreError: the server refused something that carries or guards data.
    """
    _refuse_name(name)
    with (
        logged_restore(backup, {"database": name}, execution) as detail,
        announced_restore(backup, execution),
    ):
        started = execution.clock.monotonic()
        report = _restore(
            backup, name, choices, prove=prove, server_url=server_url, execution=execution
        )
        report = replace(report, seconds=execution.clock.monotonic() - started)
        detail |= {"rows": str(report.rows), "proved": str(prove).lower()}
    return report


def _restore(
    backup: Backup,
    name: str,
    choices: RestoreChoices,
    *,
    prove: bool,
    server_url: Secret,
    execution: Execution,
) -> RestoreReport:
    material = fetch_material(backup, execution)
    require_owners(choices.ownership, material, execution)
    chosen = choose_tables(material.details, choices.tables) if choices.tables else None
    request = _request(backup, name, server_url, choices, chosen, execution=execution)
    request = _with_roles(request, material.details)
    if chosen is not None:
        material = replace(material, details=_only(chosen, material.details))
    with execution.target.create_database(request, material.details.properties) as database:
        skipped = _rebuild(
            database, material, prove=prove, partial=chosen is not None, execution=execution
        )
    lacking = () if chosen is None else chosen.large_objects_left_out
    report = _report(name, material, (*skipped, *lacking), proved=prove)
    return replace(report, notes=tuple(database.notes))


def _report(
    name: str, material: Material, skipped: tuple[SkippedEntry, ...], *, proved: bool
) -> RestoreReport:
    return RestoreReport(
        database=name,
        tables=len(material.details.tables),
        rows=material.details.rows,
        size_bytes=text_bytes(material.details),
        seconds=0.0,
        skipped=skipped,
        proved=proved,
        warnings=material.objects.warnings,
        left_out=material.details.absent,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreOutlook:
    """What a restore would read, and what it would meet; ``copies`` are in the order of their use."""

    tables: int
    rows: int
    size_bytes: int
    copies: tuple[str, ...]
    findings: TargetFindings
    left_out: tuple[LeftOut, ...] = ()


def look_ahead(
    backup: Backup,
    *,
    name: str,
    server_url: Secret,
    inspector: TargetInspector,
    execution: Execution,
    choices: RestoreChoices = EVERYTHING,
) -> RestoreOutlook:
    """Return what `restore_into_new` would do; nothing is created and nothing logged."""
    _refuse_name(name)
    material = fetch_material(backup, execution)
    require_owners(choices.ownership, material, execution)
    chosen = choose_tables(material.details, choices.tables) if choices.tables else None
    details = material.details if chosen is None else _only(chosen, material.details)
    request = _request(backup, name, server_url, choices, chosen, execution=execution)
    request = _with_roles(request, details)
    return RestoreOutlook(
        tables=len(details.tables),
        rows=details.rows,
        size_bytes=text_bytes(details),
        copies=material.objects.copies,
        findings=inspector.inspect(request, details, material.schema),
        left_out=details.absent,
    )


def _request(
    backup: Backup,
    name: str,
    server_url: Secret,
    choices: RestoreChoices,
    chosen: Chosen | None,
    *,
    execution: Execution,
) -> RestoreRequest:
    return RestoreRequest(
        url=server_url,
        final_name=name,
        temporary_name=temporary_name(name, backup),
        workers=execution.workers,
        application_name=f"orchestrator:{execution.new_run_id()}",
        tables=None if chosen is None else chosen.names,
        ownership=choices.ownership,
        stall_timeout=_stall_timeout(backup, execution),
        set_aside=choices.set_aside,
        skip_failed_indexes=choices.skip_failed_indexes,
        skip_failed_constraints=choices.skip_failed_constraints,
    )


def _with_roles(request: RestoreRequest, details: Details) -> RestoreRequest:
    return replace(request, roles=details.roles) if request.ownership.with_roles else request


def _stall_timeout(backup: Backup, execution: Execution) -> timedelta:
    # A backup may outlive its policy, and can still be restored to a server that is named.
    policy = execution.desired.policies.get(backup.series.policy)
    return STALL_TIMEOUT if policy is None else policy.source.stall_timeout


def temporary_name(name: str, backup: Backup) -> str:
    """Return the name under which a database is built.

    It follows from the final name and the backup, so that the same restore after a kill replaces
    what the killed one left behind (fault F10).
    """
    kept = name.encode()[:_KEPT_OF_NAME].decode(errors="ignore")
    return f"{kept}_restoring_{sha256(f'{backup.id} {name}'.encode()).hexdigest()[:6]}"


def _refuse_name(name: str) -> None:
    if not name or len(name.encode()) > LONGEST_NAME or "\0" in name:
        raise UsageError(
            f"{name!r} cannot be the name of a database",
            next_step=f"choose a name of 1 to {LONGEST_NAME} bytes",
        )


def _only(chosen: Chosen, details: Details) -> Details:
    """Return what only the chosen tables are, and what of their partitions never was in the backup."""
    return replace(
        details,
        tables=chosen.tables,
        large_objects=(),
        large_object_chunks=(),
        left_out=chosen.left_out,
        uncovered=(),
    )


def _with_present_sequences(database: NewDatabase, details: Details) -> Details:
    present = {state.name for state in database.read_sequences()}
    states = tuple(state for state in details.sequences if state.name in present)
    return replace(details, sequences=states)


def _rebuild(
    database: NewDatabase, material: Material, *, prove: bool, partial: bool, execution: Execution
) -> Sequence[SkippedEntry]:
    details = material.details
    skipped = list(database.restore_pre_data(material.schema, details))
    if partial:
        details = _with_present_sequences(database, details)
    step = execution.progress.started(f"restoring {details.properties.name}", text_bytes(details))
    try:
        load_chunks(
            details,
            material.chunks,
            database.loaders,
            advanced=step.advanced,
            check=execution.interruption.check,
        )
    finally:
        step.finished()
    skipped += database.restore_post_data(material.schema, details)
    check = execution.interruption.check
    compare_restored(database, details, material.chunks, prove=prove, check=check)
    skipped += database.publish()
    return skipped
