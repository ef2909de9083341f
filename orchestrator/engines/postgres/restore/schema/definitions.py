"""Recreating what the schema archive defines, before and after the rows."""

from collections.abc import Collection, Sequence
from itertools import groupby

from orchestrator.engines.postgres.restore.access import Access, Connection
from orchestrator.engines.postgres.restore.schema.attempts import Attempts
from orchestrator.engines.postgres.restore.schema.entry_classes import Step, class_of, step_of
from orchestrator.engines.postgres.restore.schema.foreign_keys import (
    recreate_unvalidated,
    split_foreign_keys,
)
from orchestrator.engines.postgres.restore.schema.locking import split_far_locking
from orchestrator.engines.postgres.restore.schema.pg_restore import SchemaArchive
from orchestrator.engines.postgres.restore.schema.proof import require_existence
from orchestrator.engines.postgres.restore.tablespaces import unusable_tablespaces
from orchestrator.errors import RestoreError
from orchestrator.model.contents import EntryClass, SkippedEntry, TableName


def recreate_definitions(
    archive: SchemaArchive,
    step: Step,
    access: Access,
    connection: Connection,
    *,
    jobs: int,
    carried: Collection[TableName],
) -> list[SkippedEntry]:
    """Recreate all entries of one step, in the archive's order, and prove that they exist.

    Accessories among them (extensions, foreign servers) are tried in their place; each run of
    required entries between them is one pg_restore. ``jobs`` above 1 recreates several at once.
    ``carried`` are the tables whose rows the backup has: foreign keys to others stay NOT VALID.

    Raises:
        RestoreError: a required entry failed; refused accessories before it are named, too.
    """
    attempts = Attempts(connection)
    entries, to_absent = split_foreign_keys(
        connection, [e for e in archive.contents.entries if step_of(e) is step], carried
    )
    unusable = unusable_tablespaces(connection, [e.tablespace for e in entries if e.tablespace])
    flags = ["--no-tablespaces"] if unusable else []
    together, alone = split_far_locking(connection, entries) if jobs > 1 else (entries, [])
    try:
        for entry_class, group in groupby(together, class_of):
            if entry_class is EntryClass.ACCESSORY:
                attempts.recreate(group)
            else:
                archive.recreate(
                    list(group), access, connection.info.dbname, jobs=jobs, flags=flags
                )
        if alone:
            archive.recreate(alone, access, connection.info.dbname, jobs=1, flags=flags)
    except RestoreError as error:
        raise _with_refused(error, attempts.skipped) from error
    recreate_unvalidated(attempts, to_absent)
    require_existence(connection, [e for e in entries if class_of(e) is EntryClass.REQUIRED])
    return unusable + attempts.skipped


def _with_refused(error: RestoreError, skipped: Sequence[SkippedEntry]) -> RestoreError:
    if not skipped:
        return error
    refused = "; ".join(map(str, skipped))
    return RestoreError(
        f"{error.what}. Perhaps because the server refused what it builds on: {refused}",
        next_step=error.next_step,
    )
