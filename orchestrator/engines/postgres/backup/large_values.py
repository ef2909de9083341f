"""Which rows are too large for COPY text, where one of them stopped the reading of a range.

The server writes a row into one piece of memory of at most 1 GiB; a bytea takes two characters for
each of its bytes there (reference/postgres.md §1, rule 10; design §6).
"""

from orchestrator.engines.postgres.backup.tables.relations import Connection
from orchestrator.engines.postgres.identifiers import qualified, quote_identifier
from orchestrator.model.contents import BlockRange, Column, Table

SUSPICIOUS_BYTES = 300 << 20
_SHOWN = 3
_TEXTS = ("text", "character", "json", "xml")

_KEY = """
SELECT a.attname FROM pg_catalog.pg_index i
CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS k(attnum, place)
JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
WHERE i.indisprimary AND i.indrelid = %s::pg_catalog.regclass ORDER BY k.place
"""


def describe_large_rows(connection: Connection, table: Table, blocks: BlockRange) -> str:
    """Return words for the largest rows of a range: where they lie, their key, their size.

    Sizes are those of the text, guessed without reading the values.
    """
    name = qualified(table.name)
    key = [str(column) for (column,) in connection.execute(_KEY, [name])]
    shown = "".join(f", {quote_identifier(column)}::text" for column in key)
    bounds = [f"ctid >= '({blocks.first},0)'::pg_catalog.tid"]
    if blocks.end is not None:
        bounds.append(f"ctid < '({blocks.end},0)'::pg_catalog.tid")
    # Names are quoted, bounds are integers.
    query = (
        f"SELECT ctid::text, {_size(table)} AS size{shown} FROM ONLY {name}"  # noqa: S608
        f" WHERE {' AND '.join(bounds)} ORDER BY size DESC LIMIT {_SHOWN}"
    )
    found = connection.execute(query.encode()).fetchall()
    large = [row for row in found if int(str(row[1])) >= SUSPICIOUS_BYTES] or found[:1]
    return "; ".join(_described(row, key) for row in large)


def _size(table: Table) -> str:
    sizes = [f"coalesce({_size_of(column)}, 0)::bigint" for column in table.columns]
    return " + ".join(sizes) or "0"


def _size_of(column: Column) -> str:
    name = quote_identifier(column.name)
    if column.type == "bytea":
        return f"2 * pg_catalog.octet_length({name})::bigint"
    if column.type.startswith("bit") and "[" not in column.type:
        return f"pg_catalog.length({name})::bigint"
    if column.type.startswith(_TEXTS) and "[" not in column.type and column.type != "jsonb":
        return f"pg_catalog.octet_length({name}::text)::bigint"
    return f"pg_catalog.pg_column_size({name})"


def _described(row: tuple[object, ...], key: list[str]) -> str:
    place, size, *values = row
    named = ", ".join(f"{column} = {value}" for column, value in zip(key, values, strict=True))
    text = f"has about {int(str(size)) >> 20} MiB of text"
    if int(str(size)) < SUSPICIOUS_BYTES:
        text = "is the largest there"
    return f"the row at ctid {place}{f' ({named})' if named else ''} {text}"
