"""Reads a whole database without any of our engine's code, to compare a restore with its source.

Every row as the server's own text of it, every sequence, every large object, and the schema as
``pg_dump`` writes it.
"""

import difflib
import hashlib
import subprocess
from collections import Counter
from dataclasses import dataclass

import psycopg
from psycopg import sql

from tests.support.servers import chosen_programs

_SETTINGS = (
    "SET search_path = ''; SET timezone = 'UTC'; SET datestyle = 'ISO, YMD';"
    " SET intervalstyle = 'postgres'; SET extra_float_digits = 3; SET bytea_output = 'hex'"
)
# A materialized view that nobody refreshed cannot be read.
_OURS = "relispopulated AND nspname !~ '^pg_' AND nspname <> 'information_schema'"
_RELATIONS = (
    "SELECT nspname, relname FROM pg_catalog.pg_class c"
    f" JOIN pg_catalog.pg_namespace n ON n.oid = relnamespace WHERE {_OURS} AND relkind = ANY(%s)"
)
_LARGE_OBJECTS = (
    "SELECT oid::int8, pg_catalog.lo_get(oid), pg_catalog.obj_description(oid, 'pg_largeobject'),"
    " pg_catalog.pg_get_userbyid(lomowner), lomacl::text"
    " FROM pg_catalog.pg_largeobject_metadata"
)
_SHOWN = 5  # rows of each table that a failed comparison prints


@dataclass(frozen=True)
class DatabaseImage:
    """All that a database holds: rows are multisets, because tables have no order."""

    tables: dict[str, Counter[str]]
    sequences: dict[str, tuple[int, bool]]
    large_objects: dict[int, tuple[str, ...]]
    schema: list[str]

    @property
    def row_counts(self) -> dict[str, int]:
        return {name: rows.total() for name, rows in self.tables.items()}


def read_database(url: str, *, with_schema: bool = True) -> DatabaseImage:
    """Read everything in one snapshot, but for the schema, which is read after it."""
    with psycopg.connect(url) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        for setting in _SETTINGS.split(";"):
            connection.execute(setting.encode())
        return DatabaseImage(
            tables={name: _rows(connection, name) for name in _names(connection, "rm")},
            sequences={name: _sequence(connection, name) for name in _names(connection, "S")},
            large_objects=_large_objects(connection),
            schema=read_schema(url) if with_schema else [],
        )


def read_by_column(url: str) -> dict[str, Counter[str]]:
    """Return the rows of every table with their columns in the order of their names.

    A child that inherits a column which was added later has it in another place in every copy.
    """
    with psycopg.connect(url) as connection:
        for setting in _SETTINGS.split(";"):
            connection.execute(setting.encode())
        return {name: _rows_by_column(connection, name) for name in _names(connection, "rm")}


def read_schema(url: str) -> list[str]:
    """Return ``pg_dump --schema-only`` without what differs between two dumps of one schema."""
    dump = subprocess.run(
        [str(chosen_programs() / "pg_dump"), "--schema-only", "--dbname", url],
        check=True,
        capture_output=True,
        text=True,
    )
    noise = ("--", "\\restrict", "\\unrestrict")
    return [line for line in dump.stdout.splitlines() if line and not line.startswith(noise)]


def differences(source: DatabaseImage, restored: DatabaseImage) -> list[str]:
    """Say in lines what differs; empty when nothing does."""
    lines = [
        line
        for name in sorted(source.tables.keys() | restored.tables.keys())
        for line in _table_differences(name, source.tables.get(name), restored.tables.get(name))
    ]
    for what, left, right in (
        ("sequence", source.sequences, restored.sequences),
        ("large object", source.large_objects, restored.large_objects),
    ):
        lines += [
            f"{what} {key}: {left.get(key)} became {right.get(key)}"
            for key in sorted(left.keys() | right.keys(), key=str)
            if left.get(key) != right.get(key)
        ]
    return lines + list(
        difflib.unified_diff(source.schema, restored.schema, "source", "restored", lineterm="", n=2)
    )


def assert_equal_databases(source_url: str, restored_url: str) -> None:
    """Fail, with what differs, unless two databases hold the same."""
    found = differences(read_database(source_url), read_database(restored_url))
    assert not found, "\n".join(found[:100])


def _names(connection: psycopg.Connection, kinds: str) -> list[str]:
    rows = connection.execute(_RELATIONS.encode(), [list(kinds)]).fetchall()
    return sorted(sql.Identifier(*row).as_string(connection) for row in rows)


def _rows(connection: psycopg.Connection, table: str) -> Counter[str]:
    # ONLY: the rows of a child table are its own.
    return Counter(
        row[0] for row in connection.execute(f"SELECT t::text FROM ONLY {table} t".encode())
    )


def _rows_by_column(connection: psycopg.Connection, table: str) -> Counter[str]:
    columns = connection.execute(
        "SELECT attname FROM pg_catalog.pg_attribute WHERE attrelid = %s::pg_catalog.regclass"
        " AND attnum > 0 AND NOT attisdropped ORDER BY attname",
        [table],
    ).fetchall()
    listed = ", ".join(sql.Identifier(name).as_string(connection) for (name,) in columns)
    query = f"SELECT ROW({listed})::text FROM ONLY {table}"
    return Counter(row[0] for row in connection.execute(query.encode()))


def _sequence(connection: psycopg.Connection, sequence: str) -> tuple[int, bool]:
    row = connection.execute(f"SELECT last_value, is_called FROM {sequence}".encode()).fetchone()
    assert row is not None
    return (row[0], row[1])


def _large_objects(connection: psycopg.Connection) -> dict[int, tuple[str, ...]]:
    return {
        oid: (hashlib.sha256(content).hexdigest(), *map(str, rest))
        for oid, content, *rest in connection.execute(_LARGE_OBJECTS)
    }


def _table_differences(
    name: str, source: Counter[str] | None, restored: Counter[str] | None
) -> list[str]:
    if source is None or restored is None:
        return [f"table {name} is only in the {'source' if restored is None else 'restored'}"]
    if source == restored:
        return []
    lost, gained = source - restored, restored - source
    return [
        f"table {name}: {source.total()} rows became {restored.total()}",
        f"  {lost.total()} rows lost, {gained.total()} gained",
        *(f"  lost   {row}" for row in list(lost)[:_SHOWN]),
        *(f"  gained {row}" for row in list(gained)[:_SHOWN]),
    ]
