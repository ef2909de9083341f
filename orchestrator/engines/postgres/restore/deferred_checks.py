"""CHECK constraints that call a function of the users': they come after the rows.

Such a function may read other tables, whose rows are not there yet while a table is loaded; pg_dump
writes the constraint into CREATE TABLE all the same (reference/postgres.md §2, row 23). It is checked
against every row when it comes back, so what was valid is proved valid again.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import psycopg

from orchestrator.engines.postgres.identifiers import qualified, quote_identifier
from orchestrator.engines.postgres.restore.access import (
    Connection,
    is_trouble_of_server,
    restore_errors,
    server_words,
)
from orchestrator.engines.postgres.restore.broken_rules import BROKEN_BY_ROWS
from orchestrator.model.contents import SkippedEntry, TableName

# Inherited ones go and come with that of the parent. Functions of extensions are left: they know
# none of the users' tables. An operator stands for its function, a domain for the tables that use it.
_CHECKS = """
SELECT CASE WHEN k.contypid = 0 THEN 'TABLE' ELSE 'DOMAIN' END, n.nspname,
       coalesce(c.relname, t.typname), k.conname, pg_catalog.pg_get_constraintdef(k.oid)
FROM pg_catalog.pg_constraint k
LEFT JOIN pg_catalog.pg_class c ON c.oid = k.conrelid
LEFT JOIN pg_catalog.pg_type t ON t.oid = k.contypid
JOIN pg_catalog.pg_namespace n ON n.oid = coalesce(c.relnamespace, t.typnamespace)
WHERE k.contype = 'c' AND k.coninhcount = 0 AND (%(all)s AND c.oid >= 16384 OR EXISTS (
  SELECT FROM pg_catalog.pg_depend d
  LEFT JOIN pg_catalog.pg_operator o
    ON d.refclassid = 'pg_catalog.pg_operator'::pg_catalog.regclass AND o.oid = d.refobjid
  JOIN pg_catalog.pg_proc p ON p.oid >= 16384 AND p.oid = CASE
    WHEN d.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass THEN d.refobjid
    ELSE o.oprcode::pg_catalog.oid END
  WHERE d.classid = 'pg_catalog.pg_constraint'::pg_catalog.regclass AND d.objid = k.oid
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend e WHERE e.objid = p.oid AND e.deptype = 'e'
                      AND e.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass)))
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


def take_checks_away(
    connection: Connection, *, all_of_tables: bool = False
) -> tuple[DeferredCheck, ...]:
    """Drop the CHECK constraints that call users' functions, or all of tables, and return them.

    Children first: one that a table has in its own right and inherits as well stays when it goes from
    the parent, and has to be there again before the parent's comes back.
    """
    taken: list[DeferredCheck] = []
    wanted = {"all": all_of_tables}
    while checks := [_check(row) for row in connection.execute(_CHECKS, wanted)]:
        for check in checks:
            connection.execute(f"{_altered(check)} DROP {_named(check)}".encode())
        taken = checks + taken
    return tuple(taken)


def bring_checks_back(
    connection: Connection, checks: Sequence[DeferredCheck], *, may_stay_unchecked: bool = False
) -> list[SkippedEntry]:
    """Make them again, checked against every row unless they were NOT VALID.

    Returns those that stay NOT VALID because they ``may_stay_unchecked``.

    Raises:
        RestoreError: rows of the backup do not fulfil one, or its function fails.
    """
    unchecked: list[SkippedEntry] = []
    for check in checks:
        with restore_errors(
            f"constraint {check.name} of {check.table}, checked when all rows were there",
            next_step="names in functions that it calls must carry their schema; if"
            f" {BROKEN_BY_ROWS}",
        ):
            try:
                connection.execute(_addition(check))
            except psycopg.DatabaseError as error:
                is_unchecked = check.definition.endswith(" NOT VALID")
                if is_unchecked or not may_stay_unchecked or is_trouble_of_server(error):
                    raise
                connection.execute(_addition(check) + b" NOT VALID")
                unchecked.append(_unchecked(check, error))
    return unchecked


def _addition(check: DeferredCheck) -> bytes:
    return f"{_altered(check)} ADD {_named(check)} {check.definition}".encode()


def _unchecked(check: DeferredCheck, why: psycopg.Error) -> SkippedEntry:
    return SkippedEntry(
        kind="CHECK CONSTRAINT",
        name=f"{check.table} {check.name}",
        reason=f"it stays NOT VALID: {server_words(why)}",
    )


def _check(row: tuple[object, ...]) -> DeferredCheck:
    kind, schema, table, name, definition = map(str, row)
    return DeferredCheck(kind, TableName(schema, table), name, definition)


def _altered(check: DeferredCheck) -> str:
    return f"ALTER {check.kind} {qualified(check.table)}"


def _named(check: DeferredCheck) -> str:
    return f"CONSTRAINT {quote_identifier(check.name)}"
