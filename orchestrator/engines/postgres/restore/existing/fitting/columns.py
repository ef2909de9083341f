"""The columns of a table then and now: every difference in words, harmless or not."""

import re
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import psycopg

from orchestrator.engines.postgres.identifiers import qualified, quote_identifier
from orchestrator.engines.postgres.restore.access import Connection
from orchestrator.model.contents import Column, Table

_COLUMNS = """
SELECT a.attrelid::bigint, a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod),
       a.attnotnull AND NOT a.atthasdef AND a.attidentity = '', a.attgenerated <> '',
       pg_catalog.pg_get_expr(d.adbin, d.adrelid)
FROM pg_catalog.pg_attribute a
LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE a.attrelid = ANY (%s::pg_catalog.oid[]) AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attrelid, a.attnum
"""

# Every value of the first is written in the same way by the second.
_WIDER = {
    "smallint": ("integer", "bigint", "numeric"),
    "integer": ("bigint", "numeric"),
    "bigint": ("numeric",),
    "character varying": ("text",),
    "text": ("character varying",),
}
# A default that is a constant can be compared with; anything else may have an effect (nextval) or
# another value every time (now).
_CONSTANT = re.compile(
    r"\(?(-?[0-9.]+|true|false|NULL|'(?:[^']|'')*')\)?(::[^()':]+(\([0-9, ]+\))?(\[\])*)*"
)
_LIMITED = re.compile(r"character varying\((\d+)\)")


@dataclass(frozen=True, slots=True)
class PresentColumn:
    """A column as the table has it now.

    ``must_be_given``: no row can be made without a value. ``default`` is its expression.
    """

    name: str
    type: str
    must_be_given: bool
    generated: bool
    default: str | None = None


@dataclass(frozen=True, slots=True)
class Difference:
    """A difference between then and now, in words.

    ``loses`` values of now, which is somebody's to accept.
    """

    words: str
    harmless: bool
    loses: bool = False


def read_present_columns(
    connection: Connection, oids: Sequence[int]
) -> Mapping[int, Sequence[PresentColumn]]:
    """Return the columns of each table in table order."""
    columns: dict[int, list[PresentColumn]] = {oid: [] for oid in oids}
    for oid, name, kind, must, generated, default in connection.execute(_COLUMNS, [list(oids)]):
        columns[int(str(oid))].append(
            PresentColumn(
                name=str(name),
                type=str(kind),
                must_be_given=bool(must),
                generated=bool(generated),
                default=None if default is None else str(default),
            )
        )
    return columns


def read_filled(
    connection: Connection, table: Table, present: Sequence[PresentColumn]
) -> frozenset[str]:
    """Return the columns that the backup does not have and that have other values than their default.

    Also those of which that cannot be seen. Stops at the first such value of each column.
    """
    then = {column.name for column in table.columns}
    extra = [one for one in present if one.name not in then and not one.generated]
    return frozenset(one.name for one in extra if _is_filled(connection, table, one))


def _is_filled(connection: Connection, table: Table, column: PresentColumn) -> bool:
    default = column.default or "NULL"
    if not _CONSTANT.fullmatch(default):
        default = "NULL"
    # Names are quoted, the default is the server's own text. As text: not every type has an equality.
    query = (
        f"SELECT EXISTS (SELECT FROM ONLY {qualified(table.name)}"  # noqa: S608
        f" WHERE {quote_identifier(column.name)}::text IS DISTINCT FROM"
        f" CAST(({default}) AS {column.type})::text)"
    )
    try:
        with connection.transaction():
            row = connection.execute(query.encode()).fetchone()
    except psycopg.errors.InsufficientPrivilege:
        return True
    return row is not None and bool(row[0])


def compare_columns(
    table: Table, present: Sequence[PresentColumn], filled: AbstractSet[str] = frozenset()
) -> Iterator[Difference]:
    """Yield every difference that matters when rows of then are put into the table of now.

    The order of columns does not: each is named. ``filled`` are the columns that `read_filled` found.
    """
    now = {column.name: column for column in present}
    then = {column.name for column in table.columns}
    for column in table.columns:
        difference = _compare(column, now.get(column.name))
        if difference is not None:
            yield Difference(f"{table.name}.{column.name} {difference.words}", difference.harmless)
    for extra in present:
        if extra.name in then or extra.generated:
            continue
        yield _extra(f"{table.name}.{extra.name}", table, extra, filled)


def _extra(
    subject: str, table: Table, extra: PresentColumn, filled: AbstractSet[str]
) -> Difference:
    if extra.must_be_given:
        words = f"{subject} is not in the backup, and a row needs a value for it"
        return Difference(words, harmless=False)
    default = f"restored rows get its default, {extra.default or 'NULL'}"
    if extra.name in table.generated:
        words = f"{subject} was generated and is not any more: {default}, instead of its value"
        return Difference(words, harmless=False, loses=True)
    if extra.name in filled:
        words = f"{subject} is not in the backup, and values in it would be lost: {default}"
        return Difference(words, harmless=False, loses=True)
    return Difference(f"{subject} is not in the backup: {default}", harmless=True)


def _compare(then: Column, now: PresentColumn | None) -> Difference | None:
    if now is None:
        return Difference("is gone; the backup has values for it", harmless=False)
    if now.generated:
        return Difference("is generated now; the backup has values for it", harmless=False)
    if then.type == now.type:
        return None
    return Difference(
        f"is of type {now.type} now, and was {then.type}", harmless=_takes_all(then.type, now.type)
    )


def _takes_all(then: str, now: str) -> bool:
    old, new = _LIMITED.fullmatch(then), _LIMITED.fullmatch(now)
    if old is not None:
        longer = new is not None and int(new[1]) >= int(old[1])
        return longer or now in {"text", "character varying"}
    return now in _WIDER.get(then, ())
