"""Saving what is there now, under the locks, before any of it is replaced.

The source of the policy gets a backup of the series, like any other. What is not proved to be the
source has no series: its tables are copied by the session that holds the locks into a folder beside
the catalog, as COPY text and zstd.
"""

import json
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial

from orchestrator.archive.compression import ChunkCompressor
from orchestrator.errors import OrchestratorError, RestoreError
from orchestrator.execution.backup.take_backup import take_backup
from orchestrator.execution.context import Execution
from orchestrator.execution.marks.mark_backup import hold_backup
from orchestrator.execution.restore.fetch_objects import open_backup, read_details
from orchestrator.model.actions import TakeBackup
from orchestrator.model.backup import Backup, RunReason, Trigger
from orchestrator.model.contents import ServerIdentity, Table, TableName
from orchestrator.model.names import ObjectKey, Series
from orchestrator.model.outcome import Succeeded
from orchestrator.ports.destination import Destination
from orchestrator.ports.restoring.existing_database import Replacement

HELD_FOR = timedelta(days=30)
_PIECE_BYTES = 16 << 20
_LEVEL = 3

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Safety:
    """Where the rows are that were replaced, or would have been.

    ``backup`` is one of the series, or None; ``keys`` are the objects of a local copy. ``rows`` has
    the number of rows of each table that it holds.
    """

    backup: Backup | None
    keys: tuple[ObjectKey, ...]
    rows: dict[TableName, int]
    warnings: tuple[str, ...] = ()


def save_into_series(series: Series, identity: ServerIdentity, execution: Execution) -> Safety:
    """Take a backup of the series now, and require that it is of the database to be replaced.

    Raises:
        RestoreError: it is of another server or database.
        OrchestratorError: it cannot be taken.
    """
    policy = execution.policy_of(series)
    taken = take_backup(
        TakeBackup(
            series=series,
            run_reason=RunReason(trigger=Trigger.BEFORE_RESTORE),
            destinations=policy.destinations,
            verify_to=policy.after_backup,
            reason="what is there before a restore replaces it",
        ),
        execution,
    )
    if not isinstance(taken, Succeeded) or taken.backup is None:
        raise RestoreError("no safety backup was taken", next_step="run the restore again")
    objects = open_backup(taken.backup, execution)
    details = read_details(objects, objects.manifest())
    same = (details.identity.system_identifier, details.identity.database_oid) == (
        identity.system_identifier,
        identity.database_oid,
    )
    if not same:
        raise RestoreError(
            f"the safety backup {taken.backup.id} is of another database than the one to be replaced",
            next_step="nothing was changed; source.url and source.restore_url lead to different places",
        )
    return Safety(
        backup=taken.backup,
        keys=(),
        rows={data.table.name: data.rows for data in details.tables},
        warnings=taken.warnings,
    )


def require_every_row(
    safety: Safety, replacement: Replacement, tables: Sequence[Table], database: str
) -> None:
    """Do nothing if a safety backup has as many rows of each table as the locked session sees.

    The second proof, beside `ExistingDatabase.doubt_of`: the backup has sessions of its own, and
    nobody knows where the network led them.

    Raises:
        RestoreError: it has another number of rows of one of them, each is named; or not the table.
    """
    counted = zip(tables, replacement.count_rows(tables), strict=True)
    different = [
        f"{table.name} has {rows} rows, and {safety.rows.get(table.name, 'none')} in the backup"
        for table, rows in counted
        if safety.rows.get(table.name) != rows
    ]
    if different:
        name = "the safety copy" if safety.backup is None else f"the backup {safety.backup.id}"
        raise RestoreError(
            f"{name} is not of what would be replaced in {database!r}: {'; '.join(different)}",
            next_step="nothing was changed; source.url and source.restore_url lead to different"
            " servers, or the backup role does not see every row: correct that, or use --into-new",
        )


def hold(safety: Safety, target: str, execution: Execution) -> tuple[str, ...]:
    """Keep a safety backup whatever the rules say, for `HELD_FOR`; return what went wrong."""
    if safety.backup is None:
        return ()
    try:
        marking = hold_backup(
            safety.backup,
            reason=f"what was in {target} before a restore replaced it",
            until=execution.clock.now() + HELD_FOR,
            execution=execution,
        )
    except OrchestratorError as error:
        return (f"the safety backup {safety.backup.id} is not held: {error.what}",)
    return tuple(
        f"the hold of {safety.backup.id} is not at {name} yet: {report.what}"
        for name, report in marking.troubles.items()
    )


@dataclass(slots=True)
class LocalCopy:
    """Tables as pieces of COPY text in a folder of their own, and a list of them."""

    place: Destination
    folder: str
    keys: list[ObjectKey] = field(default_factory=list)
    listed: list[dict[str, object]] = field(default_factory=list)
    rows: dict[TableName, int] = field(default_factory=dict)

    def save(self, table: Table, read: Callable[[Callable[[bytes], None]], int]) -> None:
        """Write every row that ``read`` hands over, each piece durable before the next."""
        pieces: list[dict[str, object]] = []
        cutter = _Cutter(lambda data, digest: pieces.append(self._write(data, digest)))
        rows = read(cutter.feed)
        cutter.finish()
        self.rows[table.name] = rows
        columns = [column.name for column in table.columns]
        name = {"schema": table.name.schema, "table": table.name.name}
        self.listed.append({**name, "columns": columns, "rows": rows, "pieces": pieces})

    def finish(self) -> None:
        """Write the list, last of all."""
        document = {"version": 1, "format": "COPY text, zstd", "tables": self.listed}
        self._create("contents.json", json.dumps(document, indent=2).encode())

    def remove(self) -> None:
        """Take it all away: nothing was replaced."""
        for key in self.keys:
            self.place.remove(key)

    def _write(self, data: bytes, digest: str) -> dict[str, object]:
        key = self._create(f"{len(self.keys) + 1:06d}.copy.zst", data)
        return {"file": key.rpartition("/")[2], "bytes": len(data), "sha256": digest}

    def _create(self, name: str, data: bytes) -> ObjectKey:
        key = ObjectKey(f"{self.folder}/{name}")
        self.place.create(key, data)
        self.keys.append(key)
        return key


class _Cutter:
    """Cuts COPY text into compressed pieces, each of whole rows."""

    def __init__(self, write: Callable[[bytes, str], None]) -> None:
        self._write = write
        self._compressor = ChunkCompressor(_LEVEL)
        self._fed = 0

    def feed(self, block: bytes) -> None:
        end = block.rfind(b"\n") + 1
        if self._fed >= _PIECE_BYTES and end:
            self._compressor.feed(block[:end])
            self._cut()
            block = block[end:]
        self._compressor.feed(block)
        self._fed += len(block)

    def finish(self) -> None:
        if self._fed:
            self._cut()

    def _cut(self) -> None:
        chunk = self._compressor.finish()
        self._write(chunk.data, chunk.sha256)
        self._compressor, self._fed = ChunkCompressor(_LEVEL), 0


@contextmanager
def local_copy(
    replacement: Replacement, tables: Sequence[Table], place: Destination, folder: str
) -> Iterator[Safety]:
    """Copy tables as they are now; taken away again if the block ends with an error.

    A copy that cannot be taken away is logged: what ended the block is what there is to say.
    """
    copy = LocalCopy(place, folder)
    try:
        for table in tables:
            copy.save(table, partial(replacement.read_table, table))
        copy.finish()
        yield Safety(backup=None, keys=tuple(copy.keys), rows=copy.rows)
    except BaseException:
        _remove(copy)
        raise


def _remove(copy: LocalCopy) -> None:
    try:
        copy.remove()
    except OrchestratorError as error:
        _log.warning("safety_copy_not_removed", extra={"folder": copy.folder, "what": error.what})
        _log.debug("safety_copy_not_removed: %s", error, exc_info=error)
