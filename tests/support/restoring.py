"""Backups by plain means and restores by the product's target engine, for tests of restoring.

What is backed up is read with SQL of its own and plain psycopg, so that a fault of the backup side
cannot hide one of the restore side.
"""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from psycopg import sql

from orchestrator.engines.postgres.backup.large_objects import read_large_objects
from orchestrator.engines.postgres.backup.properties import read_identity, read_properties
from orchestrator.engines.postgres.restore.target import PostgresTarget
from orchestrator.engines.postgres.sequences import read_sequences
from orchestrator.model.contents import Column, Details, SkippedEntry, Table, TableData, TableName
from orchestrator.model.secret import Secret
from orchestrator.ports.engine import NewDatabase, RestoreRequest
from tests.support.postgres import Connection, Database, Role

TEMPORARY_NAME = "restoring 'it' now"
APPLICATION_NAME = "orchestrator:restore-test"

_TABLES = """
SELECT n.nspname, c.relname,
       array(SELECT a.attname::text FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0
             AND NOT a.attisdropped AND a.attgenerated = '' ORDER BY a.attnum)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema')
ORDER BY c.oid
"""


@dataclass(frozen=True)
class PlainBackup:
    """A schema archive, details, and the rows of each table as COPY text."""

    archive: bytes
    details: Details
    rows: dict[TableName, bytes]
    large_objects: bytes


def take_plain_backup(source: Database) -> PlainBackup:
    with source.connect() as connection:
        connection.execute("SET extra_float_digits = 3; SET client_encoding = 'UTF8'")
        tables = [_table(*row) for row in connection.execute(_TABLES)]
        pages = "SELECT loid, pageno::bigint * 2048, data FROM pg_largeobject ORDER BY 1, 2"
        return PlainBackup(
            archive=dump_schema(source),
            details=_details(connection, tables),
            rows={table.name: _copied(connection, table) for table in tables},
            large_objects=_copy_text(
                connection, sql.SQL("COPY ({}) TO STDOUT").format(sql.SQL(pages))
            ),
        )


def dump_schema(source: Database, *flags: str) -> bytes:
    program = source.server.programs / "pg_dump"
    return subprocess.run(
        [program, "-Fc", "--schema-only", "--quote-all-identifiers", *flags, source.url],
        check=True,
        capture_output=True,
    ).stdout


def a_request(
    source: Database, *, final_name: str = "restored", role: Role | None = None
) -> RestoreRequest:
    return RestoreRequest(
        url=Secret(source.server.url("postgres", role), "the test"),
        final_name=final_name,
        temporary_name=TEMPORARY_NAME,
        workers=2,
        application_name=APPLICATION_NAME,
    )


@contextmanager
def being_restored(
    source: Database,
    backup: PlainBackup,
    *,
    final_name: str = "restored",
    role: Role | None = None,
) -> Iterator[NewDatabase]:
    """Create the new database beside its source, as the superuser or another role."""
    request = a_request(source, final_name=final_name, role=role)
    target = PostgresTarget(environment=dict(os.environ))
    with target.create_database(request, backup.details.properties) as database:
        yield database


def load(database: NewDatabase, backup: PlainBackup) -> list[SkippedEntry]:
    """Do every step before `publish`, and return what was skipped."""
    skipped = list(database.restore_pre_data(backup.archive, backup.details))
    loader = database.loaders[-1]
    for data in backup.details.tables:
        loader.load_table(data.table, [backup.rows[data.table.name]])
    loader.load_large_objects([backup.large_objects])
    return skipped + list(database.restore_post_data(backup.archive, backup.details))


def restore(
    source: Database, *, final_name: str = "restored", role: Role | None = None
) -> tuple[Database, list[SkippedEntry]]:
    """Back up ``source``, restore it under ``final_name``, and return it with what was skipped."""
    backup = take_plain_backup(source)
    with being_restored(source, backup, final_name=final_name, role=role) as database:
        skipped = load(database, backup) + list(database.publish())
    return Database(final_name, source.server), skipped


def with_properties(backup: PlainBackup, **changes: object) -> PlainBackup:
    """Return the same backup with other recorded database properties."""
    properties = replace(backup.details.properties, **changes)  # type: ignore[arg-type] # the test's own words
    return replace(backup, details=replace(backup.details, properties=properties))


def _details(connection: Connection, tables: list[Table]) -> Details:
    return Details(
        identity=read_identity(connection),
        snapshot_at=datetime(2026, 11, 22, 2, tzinfo=UTC),
        properties=read_properties(connection),
        tables=tuple(TableData(table=table, chunks=()) for table in tables),
        large_objects=read_large_objects(connection),
        large_object_chunks=(),
        sequences=read_sequences(connection),
        roles=(),
        left_out=(),
        uncovered=(),
        selection_include=(),
        selection_exclude=(),
    )


def _table(schema: str, name: str, columns: list[str]) -> Table:
    return Table(
        name=TableName(schema, name),
        columns=tuple(Column(name=column, type="unknown") for column in columns),
        blocks_per_chunk=1024,
    )


def _copied(connection: Connection, table: Table) -> bytes:
    columns = sql.SQL(", ").join(sql.Identifier(column.name) for column in table.columns)
    name = sql.Identifier(table.name.schema, table.name.name)
    listed = sql.SQL("({})").format(columns) if table.columns else sql.SQL("")
    encoding = sql.Literal(connection.info.parameter_status("server_encoding"))
    statement = sql.SQL("COPY {} {} TO STDOUT WITH (ENCODING {})").format(name, listed, encoding)
    return _copy_text(connection, statement)


def _copy_text(connection: Connection, statement: sql.Composed) -> bytes:
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        return b"".join(map(bytes, copy))
