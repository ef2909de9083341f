"""Names and statements as SQL text: whatever a name contains, it stays a name.

Names come from the server and may hold quotes, newlines, ``*``, ``$`` or a leading ``-``. They are
quoted here and nowhere else (reference/postgres.md §2, row 15).
"""

from orchestrator.model.contents import BlockRange, Table, TableName


def quote_identifier(name: str) -> str:
    """Given any name, return it as a quoted SQL identifier."""
    if "\0" in name:
        raise ValueError("PostgreSQL names never contain a NUL byte")
    return '"' + name.replace('"', '""') + '"'


def quote_literal(text: str) -> str:
    """Given any text, return it as an SQL string literal that no setting can reinterpret."""
    if "\0" in text:
        raise ValueError("PostgreSQL texts never contain a NUL byte")
    if "\\" in text:
        return " E'" + text.replace("\\", "\\\\").replace("'", "''") + "'"
    return "'" + text.replace("'", "''") + "'"


def qualified(name: TableName) -> str:
    """Given a table's or sequence's name, return it quoted with its schema."""
    return f"{quote_identifier(name.schema)}.{quote_identifier(name.name)}"


def copy_columns(table: Table) -> str:
    """Return the explicit column list ``("a", "b")`` of a table, or nothing if it has no columns.

    Never left to the server: after an ADD COLUMN the implicit list differs from the one recorded
    (reference/postgres.md §2, row 3).
    """
    if not table.columns:
        return ""
    return "(" + ", ".join(quote_identifier(column.name) for column in table.columns) + ")"


def copy_out_statement(table: Table, blocks: BlockRange, encoding: str) -> str:
    """Return the COPY that writes the rows of a block range as text in the server's encoding.

    The whole table is read with ``COPY table``, which needs no executor; parts of it by ``ctid``
    with a TID range scan (PostgreSQL 14 and later). Both leave out rows of inheriting tables.
    """
    options = f"WITH (FORMAT text, ENCODING {quote_literal(encoding)})"
    if blocks.first == 0 and blocks.end is None:
        return f"COPY {qualified(table.name)} {copy_columns(table)} TO STDOUT {options}"
    columns = ", ".join(quote_identifier(column.name) for column in table.columns)
    bounds = [f"ctid >= '({blocks.first},0)'::pg_catalog.tid"]
    if blocks.end is not None:
        bounds.append(f"ctid < '({blocks.end},0)'::pg_catalog.tid")
    # Names are quoted above, bounds are integers.
    query = f"SELECT {columns} FROM ONLY {qualified(table.name)} WHERE {' AND '.join(bounds)}"  # noqa: S608
    return f"COPY ({query}) TO STDOUT {options}"


def copy_in_statement(table: Table, encoding: str) -> str:
    """Return the COPY that takes such rows in again."""
    options = f"WITH (FORMAT text, ENCODING {quote_literal(encoding)})"
    return f"COPY {qualified(table.name)} {copy_columns(table)} FROM STDIN {options}"
