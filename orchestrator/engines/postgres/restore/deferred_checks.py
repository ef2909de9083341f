"""CHECK constraints that call a function of the users': they come after the rows.

Such a function may read other tables, whose rows are not there yet while a table is loaded; pg_dump
writes the constraint into CREATE TABLE all the same (reference/postgres.md §2, row 23). It is checked
against every row when it comes back, so what was valid is proved valid again.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.engines.postgres.identifiers import qualified, quote_identifier
from orchestrator.engines.postgres.restore.access import Connection, restore_errors
from orchestrator.model.contents import TableName

# Inherited ones go and come with that of the parent. Functions of extensions are left: they know
# none of the users' tables. An operator stands for its function, a domain for the tables that use it.
_CHECKS = """
SELECT CASE WHEN k.contypid = 0 THEN 'TABLE' ELSE 'DOMAIN' END, n.nspname,
       coalesce(c.relname, t.typname), k.conname, pg_catalog.pg_get_constraintdef(k.oid)
FROM pg_catalog.pg_constraint k
LEFT JOIN pg_catalog.pg_class c ON c.oid = k.conrelid
LEFT JOIN pg_catalog.pg_type t ON t.oid = k.contypid
JOIN pg_catalog.pg_namespace n ON n.oid = coalesce(c.relnamespace, t.typnamespace)
WHERE k.contype = 'c' AND k.coninhcount = 0 AND EXISTS (
  SELECT FROM pg_catalog.pg_depend d
  LEFT JOIN pg_catalog.pg_operator o
    ON d.refclassid = 'pg_catalog.pg_operator'::pg_catalog.regclass AND o.oid = d.refobjid
  JOIN pg_catalog.pg_proc p ON p.oid >= 16384 AND p.oid = CASE
    WHEN d.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass THEN d.refobjid
    ELSE o.oprcode::pg_catalog.oid END
  WHERE d.classid = 'pg_catalog.pg_constraint'::pg_catalog.regclass AND d.objid = k.oid
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend e WHERE e.objid = p.oid AND e.deptype = 'e'
                      AND e.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass))
ORDER BY k.oid
"""


@dataclass(frozen=True, slots=True)
class DeferredCheck:
    """A CHECK constraint that is away; ``definition`` is the server's.

    ``kind`` is ``TABLE`` or ``DOMAIN``, and ``table`` its name.
    """

    kind: str
    table: TableName
    name: str
    definition: str


def take_checks_away(connection: Connection) -> tuple[DeferredCheck, ...]:
    """Drop the CHECK constraints that call users' functions, and return them.

    Children first: one that a table has in its own right and inherits as well stays when it goes from
    the parent, and has to be there again before the parent's comes back.
    """
    taken: list[DeferredCheck] = []
    while checks := [_check(row) for row in connection.execute(_CHECKS)]:
        for check in checks:
            connection.execute(f"{_altered(check)} DROP {_named(check)}".encode())
        taken = checks + taken
    return tuple(taken)


def bring_checks_back(connection: Connection, checks: Sequence[DeferredCheck]) -> None:
    """Make them again, checked against every row unless they were NOT VALID.

    Raises:
        RestoreError: rows of the backup do not fulfil one, or its function fails.
    """
    for check in checks:
        with restore_errors(
            f"constraint {check.name} of {check.table}, checked when all rows were there",
            next_step="names in functions that it calls must carry their schema; rows that do not"
            " fulfil it got in before it was made, or through another table",
        ):
            statement = f"{_altered(check)} ADD {_named(check)} {check.definition}"
            connection.execute(statement.encode())


def _check(row: tuple[object, ...]) -> DeferredCheck:
    kind, schema, table, name, definition = map(str, row)
    return DeferredCheck(kind, TableName(schema, table), name, definition)


def _altered(check: DeferredCheck) -> str:
    return f"ALTER {check.kind} {qualified(check.table)}"


def _named(check: DeferredCheck) -> str:
    return f"CONSTRAINT {quote_identifier(check.name)}"
