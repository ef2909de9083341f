"""The columns of a table then and now: every difference in words, harmless or not."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from orchestrator.engines.postgres.restore.access import Connection
from orchestrator.model.contents import Column, Table

_COLUMNS = """
SELECT a.attrelid::bigint, a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod),
       a.attnotnull AND NOT a.atthasdef AND a.attidentity = '', a.attgenerated <> ''
FROM pg_catalog.pg_attribute a
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
_LIMITED = re.compile(r"character varying\((\d+)\)")


@dataclass(frozen=True, slots=True)
class PresentColumn:
    """A column as the table has it now; ``must_be_given``: no row can be made without a value."""

    name: str
    type: str
    must_be_given: bool
    generated: bool


@dataclass(frozen=True, slots=True)
class Difference:
    """A difference between then and now, in words."""

    words: str
    harmless: bool


def read_present_columns(
    connection: Connection, oids: Sequence[int]
) -> Mapping[int, Sequence[PresentColumn]]:
    """Return the columns of each table in table order."""
    columns: dict[int, list[PresentColumn]] = {oid: [] for oid in oids}
    for oid, name, kind, must, generated in connection.execute(_COLUMNS, [list(oids)]):
        present = PresentColumn(str(name), str(kind), bool(must), bool(generated))
        columns[int(str(oid))].append(present)
    return columns


def compare_columns(table: Table, present: Sequence[PresentColumn]) -> Iterator[Difference]:
    """Yield every difference that matters when rows of then are put into the table of now.

    The order of columns does not: each is named.
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
        meaning = ": restored rows get its default"
        if extra.must_be_given:
            meaning = ", and a row needs a value for it"
        yield Difference(
            f"{table.name}.{extra.name} is not in the backup{meaning}",
            harmless=not extra.must_be_given,
        )


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
