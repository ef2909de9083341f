"""Restoring one backup into a new database (reference/postgres.md §1, "Restoring").

Digests first, a temporary name, pre-data, rows in parallel, post-data, comparison; renamed last.
Whatever fails leaves only the temporary name.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256

from orchestrator.errors import OrchestratorError, UsageError
from orchestrator.execution.context import Execution
from orchestrator.execution.error_report import report_of
from orchestrator.execution.restore.compare_restored import compare_restored
from orchestrator.execution.restore.fetch_objects import (
    BackupObjects,
    object_of_role,
    open_backup,
    read_details,
)
from orchestrator.execution.restore.load_chunks import ChunkSource, load_chunks
from orchestrator.model.backup import Backup
from orchestrator.model.contents import Details, SkippedEntry
from orchestrator.model.manifest import ObjectRole
from orchestrator.model.run import LogAction, LogOutcome
from orchestrator.model.secret import Secret
from orchestrator.ports.engine import NewDatabase, RestoreRequest

_log = logging.getLogger(__name__)

LONGEST_NAME = 63
"""Bytes of a PostgreSQL name (NAMEDATALEN - 1)."""

_KEPT_OF_NAME = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreReport:
    """What a restore did. ``size_bytes`` is the COPY text that was loaded.

    ``skipped`` are accessory entries that could not be recreated; ``warnings`` say which copies
    had to be passed over. ``proved`` is true if every row was read again and is equal.
    """

    database: str
    tables: int
    rows: int
    size_bytes: int
    seconds: float
    skipped: tuple[SkippedEntry, ...]
    proved: bool
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Material:
    """What a database is rebuilt from, read and checked."""

    objects: BackupObjects
    details: Details
    schema: bytes
    chunks: ChunkSource


def restore_into_new(
    backup: Backup, *, name: str, prove: bool, server_url: Secret, execution: Execution
) -> RestoreReport:
    """Rebuild a backup as a new database, compare it, and give it its name last of all.

    With ``prove`` every row is read again and compared. Start and end are logged with who did it.

    Raises:
        UsageError: the name is empty or too long.
        TargetExistsError: the name is taken.
        DamagedBackupError: no copy has some object intact.
        RestoreDiffersError: the database does not equal the backup; it keeps its temporary name.
        RestoreError: the server refused something that carries or guards data.
    """
    _refuse_name(name)
    with _logged(backup, name, execution) as detail:
        started = execution.clock.monotonic()
        material = _fetch(backup, execution)
        request = RestoreRequest(
            url=server_url,
            final_name=name,
            temporary_name=temporary_name(name, backup),
            workers=execution.workers,
            application_name=f"orchestrator:{execution.new_run_id()}",
        )
        with execution.target.create_database(request, material.details.properties) as database:
            skipped = _rebuild(database, material, prove=prove, execution=execution)
        report = RestoreReport(
            database=name,
            tables=len(material.details.tables),
            rows=material.details.rows,
            size_bytes=_text_bytes(material.details),
            seconds=execution.clock.monotonic() - started,
            skipped=tuple(skipped),
            proved=prove,
            warnings=material.objects.warnings,
        )
        detail |= {"rows": str(report.rows), "proved": str(prove).lower()}
    return report


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


def _fetch(backup: Backup, execution: Execution) -> _Material:
    objects = open_backup(backup, execution)
    manifest = objects.manifest()
    return _Material(
        objects=objects,
        details=read_details(objects, manifest),
        schema=objects.read(object_of_role(manifest, ObjectRole.SCHEMA)),
        chunks=ChunkSource(objects, manifest),
    )


def _rebuild(
    database: NewDatabase, material: _Material, *, prove: bool, execution: Execution
) -> Sequence[SkippedEntry]:
    details = material.details
    skipped = list(database.restore_pre_data(material.schema, details))
    step = execution.progress.started(f"restoring {details.properties.name}", _text_bytes(details))
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


def _text_bytes(details: Details) -> int:
    return sum(chunk.text_bytes for chunk in details.chunks)


@contextmanager
def _logged(backup: Backup, name: str, execution: Execution) -> Iterator[dict[str, str]]:
    """Log the start, and the end whatever it is; a start that cannot be logged stops the restore."""
    detail = {"backup": str(backup.id), "database": name}
    _log_restore(backup, LogOutcome.STARTED, detail, execution)
    try:
        yield detail
    except Exception as error:
        report = report_of(error)
        failed = {**detail, "code": report.code, "what": report.what}
        _log_quietly(backup, LogOutcome.FAILED, failed, execution)
        raise
    except BaseException:
        _log_quietly(backup, LogOutcome.INTERRUPTED, detail, execution)
        raise
    # The database has its name by now: a log that cannot be written must not call that a failure.
    _log_quietly(backup, LogOutcome.SUCCEEDED, detail, execution)


def _log_restore(
    backup: Backup, outcome: LogOutcome, detail: Mapping[str, str], execution: Execution
) -> None:
    entry = execution.log_entry(LogAction.RESTORE, str(backup.series), outcome, dict(detail))
    execution.writer.append_log(entry)


def _log_quietly(
    backup: Backup, outcome: LogOutcome, detail: Mapping[str, str], execution: Execution
) -> None:
    """Log the end of a restore; an error of the log must not hide how it ended."""
    try:
        _log_restore(backup, outcome, detail, execution)
    except OrchestratorError as error:
        _log.warning("restore_not_logged", extra={"backup": backup.id})
        _log.debug("restore_not_logged: %s", error, exc_info=error)
