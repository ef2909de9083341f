"""Constraints that are kept NOT VALID, and reported: what they ask of the rows is not so.

Foreign keys to tables whose rows a backup does not have would be refused, and with them the whole
restore, although every row that was backed up is there (reference/postgres.md §1, "Restoring",
rule 3). So would be those that rows of the backup break, which got in unchecked at the source; these
are kept unchecked only if somebody asks for it.
"""

import re
from collections.abc import Collection, Iterable, Sequence

from orchestrator.engines.postgres.restore.access import Connection
from orchestrator.engines.postgres.restore.schema.archive_contents import ArchiveEntry
from orchestrator.engines.postgres.restore.schema.attempts import Attempts
from orchestrator.engines.postgres.restore.schema.entry_classes import MAY_BE_UNCHECKED
from orchestrator.model.contents import SkippedEntry, TableName

_KIND = "FK CONSTRAINT"

# As pg_dump --quote-all-identifiers writes it, matched from the first word on: nothing inside a
# name can be taken for the referenced table.
_NAME = r'"(?:[^"]|"")*"'
_DEFINITION = re.compile(
    rf"ALTER TABLE (?:ONLY )?{_NAME}\.{_NAME}\s+ADD CONSTRAINT {_NAME}"
    rf" FOREIGN KEY \((?:PERIOD )?{_NAME}(?:, (?:PERIOD )?{_NAME})*\)"
    rf" REFERENCES ({_NAME})\.({_NAME})\("
)

# A partitioned table has its rows in its leaves; one that the backup lacks is enough.
_ABSENT = """
SELECT DISTINCT n.nspname, c.relname
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
CROSS JOIN LATERAL (SELECT c.oid UNION SELECT t.relid FROM pg_catalog.pg_partition_tree(c.oid) t)
  AS member(oid)
JOIN pg_catalog.pg_class l ON l.oid = member.oid AND l.relkind = 'r'
JOIN pg_catalog.pg_namespace s ON s.oid = l.relnamespace
WHERE c.relkind IN ('r', 'p')
  AND (s.nspname, l.relname) NOT IN (SELECT * FROM unnest(%s::text[], %s::text[]))
"""


def split_foreign_keys(
    connection: Connection, entries: Sequence[ArchiveEntry], carried: Collection[TableName]
) -> tuple[list[ArchiveEntry], list[ArchiveEntry]]:
    """Return the entries without, and those that are, foreign keys to tables not ``carried``.

    The tables must exist by now.
    """
    keys = [entry for entry in entries if entry.kind == _KIND]
    absent = _absent_tables(connection, carried) if keys else frozenset()
    apart = [entry for entry in keys if referenced_table(entry) in absent]
    numbers = {entry.dump_id for entry in apart}
    return [entry for entry in entries if entry.dump_id not in numbers], apart


def recreate_unvalidated(attempts: Attempts, entries: Iterable[ArchiveEntry]) -> None:
    """Recreate foreign keys without a check of the rows that are there; list each in ``attempts``."""
    for entry in entries:
        statement = _unvalidated(entry)
        if attempts.run(statement, kind=entry.kind, name=str(entry)):
            reason = (
                f"it stays NOT VALID: the backup does not have the rows of"
                f" {referenced_table(entry)}, which it references"
            )
            attempts.skipped.append(SkippedEntry(kind=entry.kind, name=str(entry), reason=reason))


def left_unchecked(attempts: Attempts, entry: ArchiveEntry, words: str) -> SkippedEntry:
    """Make a constraint without a check of the rows if it can be; say why it is not as recorded.

    ``words`` are the server's, when it refused the definition as it stands.
    """
    reason = words
    if entry.kind in MAY_BE_UNCHECKED and attempts.refusal(_unvalidated(entry)) is None:
        reason = f"it stays NOT VALID: {words}"
    return SkippedEntry(kind=entry.kind, name=str(entry), reason=reason)


def _unvalidated(entry: ArchiveEntry) -> bytes:
    statement = entry.definition.rstrip().removesuffix(b";")
    return statement if statement.endswith(b" NOT VALID") else statement + b" NOT VALID"


def _absent_tables(connection: Connection, carried: Collection[TableName]) -> frozenset[TableName]:
    columns = [[name.schema for name in carried], [name.name for name in carried]]
    rows = connection.execute(_ABSENT, columns)
    return frozenset(TableName(str(schema), str(name)) for schema, name in rows)


def referenced_table(entry: ArchiveEntry) -> TableName | None:
    """Return the table that a foreign key references; None for any other entry."""
    match = _DEFINITION.match(entry.definition.decode("utf-8", "surrogateescape"))
    if match is None:
        return None
    schema, name = (part[1:-1].replace('""', '"') for part in match.groups())
    return TableName(schema, name)
