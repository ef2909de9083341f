"""Replacing tables through the engine's port, with rows written by the test itself."""

import os
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta

from orchestrator.engines.postgres.restore.existing.database import PostgresExisting
from orchestrator.model.contents import Column, SequenceState, Table, TableName
from orchestrator.model.secret import Secret
from orchestrator.ports.restoring.existing_database import (
    ExistingDatabase,
    ExistingRequest,
    Replacement,
    ReplacementPlan,
    Wanted,
)
from tests.support.postgres import Database, Role


def a_table(name: str, /, *, schema: str = "public", **columns: str) -> Table:
    """Return a table whose columns have these types."""
    return Table(
        name=TableName(schema, name),
        columns=tuple(Column(name=column, type=kind) for column, kind in columns.items()),
        blocks_per_chunk=1024,
    )


def wanted(
    *tables: Table, whole: tuple[str, ...] = (), sequences: tuple[SequenceState, ...] = ()
) -> Wanted:
    return Wanted(
        tables=tables,
        whole=frozenset(TableName("public", name) for name in whole),
        sequences=sequences,
        every_sequence=False,
        encoding="UTF8",
    )


def opened(
    database: Database, role: Role | None = None
) -> AbstractContextManager[ExistingDatabase]:
    return opened_at(database.server.url(database.name, role), database.name)


@contextmanager
def opened_at(
    url: str, name: str, *, stall_timeout: timedelta = timedelta(minutes=2)
) -> Iterator[ExistingDatabase]:
    request = ExistingRequest(
        url=Secret(url, "the test"),
        database=name,
        application_name="orchestrator:replace-test",
        lock_timeout=timedelta(seconds=5),
        stall_timeout=stall_timeout,
    )
    with PostgresExisting(environment=dict(os.environ)).open_existing(request) as existing:
        yield existing


def look(database: Database, what: Wanted) -> ReplacementPlan:
    with opened(database) as existing:
        return existing.look(what)


def replace_rows(
    database: Database, what: Wanted, rows: Mapping[str, str], *, role: Role | None = None
) -> list[str]:
    """Replace tables by rows of COPY text, and return what was said on the way."""
    with (
        opened(database, role) as existing,
        existing.replacing(what, existing.look(what)) as replacement,
    ):
        said = [*replacement.empty_tables()]
        _load(replacement, what, rows)
        return [*said, *replacement.restore_guards()]


def _load(replacement: Replacement, what: Wanted, rows: Mapping[str, str]) -> None:
    for table in what.tables:
        text = rows.get(table.name.name, "")
        assert replacement.loader.load_table(table, [text.encode()]) == text.count("\n")
