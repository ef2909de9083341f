"""Recreating what the schema archive defines, before and after the rows."""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from orchestrator.engines.postgres.restore.access import Access, Connection
from orchestrator.engines.postgres.restore.schema.archive_contents import ArchiveEntry
from orchestrator.engines.postgres.restore.schema.attempts import Attempts
from orchestrator.engines.postgres.restore.schema.entry_classes import (
    MAY_BE_BROKEN,
    MAY_FAIL,
    Step,
    class_of,
    step_of,
)
from orchestrator.engines.postgres.restore.schema.foreign_keys import (
    left_unchecked,
    recreate_unvalidated,
    split_foreign_keys,
)
from orchestrator.engines.postgres.restore.schema.locking import split_far_locking
from orchestrator.engines.postgres.restore.schema.pg_restore import SchemaArchive
from orchestrator.engines.postgres.restore.schema.proof import require_existence
from orchestrator.engines.postgres.restore.tablespaces import unusable_tablespaces
from orchestrator.errors import RestoreError
from orchestrator.model.contents import EntryClass, SkippedEntry, TableName
from orchestrator.ports.engine import RestoreRequest

# Of server and libpq where no definition is to blame: shortage, shutdown, lost connections, damage.
# pg_restore shows no SQLSTATE.
_TROUBLE_OF_THE_SERVER = re.compile(
    r"no space left on device|disk quota exceeded|could not (?:extend|write|read|fsync|open) file"
    r"|could not (?:write|read) block|input/output error|invalid page in block"
    r"|out of (?:shared )?memory|could not resize shared memory|invalid memory alloc"
    r"|temporary file size exceeds|too many (?:clients|connections)|remaining connection slots"
    r"|server closed the connection|no connection to the server|terminating connection"
    r"|connection (?:has been closed|not open|reset|timed out)|could not (?:receive|send) data"
    r"|the database system is|canceling statement|ssl (?:error|syscall)",
    re.IGNORECASE,
)
_REMOVE_TROUBLE = "remove the trouble of the target server, which is no fault of this definition, and restore again"
# What follows the server's message itself, and may quote rows.
_DETAILS = re.compile(r" (?:DETAIL|HINT|CONTEXT|QUERY): ")


def recreate_definitions(
    archive: SchemaArchive,
    step: Step,
    access: Access,
    connection: Connection,
    *,
    request: RestoreRequest,
    carried: Collection[TableName],
) -> list[SkippedEntry]:
    """Recreate all entries of one step, in the archive's order, and prove that they exist.

    Accessories among them (extensions, foreign servers) are tried in their place, and so are
    indexes and constraints if ``request`` says that they may fail; each run of required entries between them is one
    pg_restore, which after the data recreates several at once. ``carried`` are the tables whose
    rows the backup has: foreign keys to others stay NOT VALID.

    Raises:
        RestoreError: a required entry failed; refused accessories before it are named, too.
    """
    attempts = Attempts(connection)
    jobs = 1 if step is Step.BEFORE_DATA else request.workers
    entries, to_absent = split_foreign_keys(
        connection, [e for e in archive.contents.entries if step_of(e) is step], carried
    )
    unusable = unusable_tablespaces(connection, [e.tablespace for e in entries if e.tablespace])
    flags = ["--no-tablespaces"] if unusable else []
    client = _Client(archive, access, connection.info.dbname, flags)
    together, alone = split_far_locking(connection, entries) if jobs > 1 else (entries, [])
    optional = MAY_FAIL if request.skip_failed_indexes else frozenset()
    optional |= MAY_BE_BROKEN if request.skip_failed_constraints else frozenset()
    try:
        _recreate_in_order(together, client, attempts, jobs=jobs, optional=optional)
        _recreate_in_order(alone, client, attempts, jobs=1, optional=optional)
    except RestoreError as error:
        raise _with_refused(error, attempts.skipped) from error
    recreate_unvalidated(attempts, to_absent)
    refused = {(one.kind, one.name) for one in attempts.skipped}
    required = (e for e in entries if class_of(e) is EntryClass.REQUIRED)
    require_existence(connection, [e for e in required if (e.kind, str(e)) not in refused])
    return unusable + attempts.skipped


@dataclass(frozen=True, slots=True)
class _Client:
    """pg_restore of one archive into one database, always with the same options."""

    archive: SchemaArchive
    access: Access
    database: str
    flags: Sequence[str]

    def recreate(self, entries: Sequence[ArchiveEntry], *, jobs: int) -> None:
        self.archive.recreate(entries, self.access, self.database, jobs=jobs, flags=self.flags)


def _recreate_in_order(
    entries: Iterable[ArchiveEntry],
    client: _Client,
    attempts: Attempts,
    *,
    jobs: int,
    optional: Collection[str],
) -> None:
    """Recreate entries; the kinds in ``optional`` are left out where they cannot be."""
    for (entry_class, is_optional), group in groupby(
        entries, lambda entry: (class_of(entry), entry.kind in optional)
    ):
        if entry_class is EntryClass.ACCESSORY:
            attempts.recreate(group)
        elif is_optional:
            _recreate_if_possible(group, client, attempts)
        else:
            client.recreate(list(group), jobs=jobs)


def _recreate_if_possible(
    entries: Iterable[ArchiveEntry], client: _Client, attempts: Attempts
) -> None:
    """Recreate entries one by one, and list in ``attempts`` those that could not be.

    Not several at once: two indexes of one table may keep each other from what follows them, and
    nobody could tell that from an index that cannot be built.

    Raises:
        RestoreError: pg_restore ended otherwise than by a fault of the entry itself.
    """
    for entry in entries:
        try:
            client.recreate([entry], jobs=1)
        except RestoreError as error:
            words = fault_of_entry(entry, error)
            if words is None:
                raise RestoreError(error.what, next_step=_REMOVE_TROUBLE) from error
            attempts.skipped.append(left_unchecked(attempts, entry, words))


def fault_of_entry(entry: ArchiveEntry, error: RestoreError) -> str | None:
    """Return the server's words if the entry itself cannot be recreated.

    None if the error names no entry (pg_restore was killed, or got no session), or if it tells of
    shortage, shutdown or a lost connection: what follows would fail, too, or could be built later.
    """
    subject = f"{entry.kind} {entry} could not be restored: "
    words = error.what.removeprefix(subject)
    if words == error.what or _TROUBLE_OF_THE_SERVER.search(_DETAILS.split(words)[0]):
        return None
    return words


def _with_refused(error: RestoreError, skipped: Sequence[SkippedEntry]) -> RestoreError:
    if not skipped:
        return error
    refused = "; ".join(map(str, skipped))
    return RestoreError(
        f"{error.what}. Perhaps because the server refused what it builds on: {refused}",
        next_step=error.next_step,
    )
