"""What a database has that a backup has not: counted before it is swapped, and again afterwards."""

from collections.abc import Iterable, Iterator

from orchestrator.engines.postgres.backup.tables.extensions import read_member_rows
from orchestrator.engines.postgres.backup.tables.relations import (
    Relation,
    Relations,
    read_relations,
)
from orchestrator.engines.postgres.backup.tables.selection import select_tables
from orchestrator.engines.postgres.identifiers import qualified, quote_identifier
from orchestrator.engines.postgres.restore.access import Connection
from orchestrator.errors import ReplaceRefusedError, TablesNotFoundError
from orchestrator.model.contents import Details, TableName
from orchestrator.model.policy import TableSelection
from orchestrator.ports.restoring.swapping import ChangedTable, SwapDifferences

_LOCK_TIMEOUT = "SET lock_timeout = '10s'"
_READABLE = """
SELECT n.nspname, c.relname, pg_catalog.has_schema_privilege(n.oid, 'USAGE'),
       pg_catalog.has_table_privilege(c.oid, 'SELECT'), pg_catalog.row_security_active(c.oid)
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.oid = ANY (%s::pg_catalog.oid[]) ORDER BY 1, 2
"""


def require_countable(reader: Connection) -> None:
    """Do nothing if the role may count every table of the database.

    Raises:
        ReplaceRefusedError: with every missing grant as SQL that is ready to be run.
    """
    row = reader.execute("SELECT current_user").fetchone()
    role = reader.info.user if row is None else str(row[0])
    missing = list(dict.fromkeys(_missing_grants(reader, quote_identifier(role))))
    if missing:
        raise ReplaceRefusedError(
            f"the role {role!r} may not read every table of {reader.info.dbname!r}, so"
            " nobody could say what would be lost",
            next_step="as a superuser, run in that database:\n  " + "\n  ".join(missing),
        )


def _missing_grants(reader: Connection, role: str) -> Iterator[str]:
    tables = read_relations(reader).tables
    oids = [one.oid for one in tables if one.kind == "r" and not one.without_rows_here]
    for schema, table, may_enter, may_read, is_hidden in reader.execute(_READABLE, [oids]):
        name = TableName(str(schema), str(table))
        if not may_enter:
            yield f"GRANT USAGE ON SCHEMA {quote_identifier(name.schema)} TO {role};"
        if not may_read:
            yield f"GRANT SELECT ON TABLE {qualified(name)} TO {role};"
        if is_hidden:
            yield f"ALTER ROLE {role} BYPASSRLS;  -- row-level security, such as that of {name}"


def count_differences(reader: Connection, details: Details) -> SwapDifferences:
    """Count every table, and compare it with what the backup says."""
    reader.execute(_LOCK_TIMEOUT)
    relations = read_relations(reader)
    then = {data.table.name: data.rows for data in details.tables}
    absent = _absent(relations, details)
    written: list[ChangedTable] = []
    not_backed_up: list[ChangedTable] = []
    present: set[TableName] = set()
    for relation in _counted(relations):
        name, now = relation.name, _count(reader, relation)
        present.add(name)
        change = ChangedTable(name=name, then=then.get(name), now=now)
        if change.then is None and str(name) in absent:
            not_backed_up += [change] if now else []
        elif change.then != now:
            written.append(change)
    not_backed_up += [
        ChangedTable(name=member.name, then=None, now=member.rows)
        for member in read_member_rows(reader)
        if member.kind == "r"
    ]
    written += [
        ChangedTable(name=name, then=then[name], now=None) for name in sorted(then.keys() - present)
    ]
    return SwapDifferences(written=tuple(written), not_backed_up=tuple(not_backed_up))


def _counted(relations: Relations) -> Iterable[Relation]:
    return (relation for relation in relations.tables if relation.has_rows_of_its_own)


def _count(reader: Connection, relation: Relation) -> int:
    # The name is quoted by qualified().
    query = f"SELECT pg_catalog.count(*) FROM ONLY {qualified(relation.name)}"  # noqa: S608
    row = reader.execute(query.encode()).fetchone()
    return 0 if row is None else int(str(row[0]))


def _absent(relations: Relations, details: Details) -> set[str]:
    """Return the tables whose rows no backup with this selection carries, also later ones."""
    absent = {item.name for item in details.absent}
    selection = TableSelection(include=details.selection_include, exclude=details.selection_exclude)
    names = [relation.name for relation in relations.tables]
    try:
        selected = select_tables(names, relations.parents, selection)
    except TablesNotFoundError:
        # A table that a pattern named is gone: what the backup itself says has to do.
        return absent
    return absent | {str(name) for name in (*selected.uncovered, *selected.excluded)}
