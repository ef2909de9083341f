"""Tablespaces: kept where the target has them and the role may use them, else shown as skipped."""

from collections.abc import Iterable

import psycopg

from orchestrator.engines.postgres.restore.access import Connection, server_words
from orchestrator.model.contents import SkippedEntry


def unusable_tablespaces(connection: Connection, names: Iterable[str]) -> list[SkippedEntry]:
    """Return those tablespaces in which this role cannot create anything, each with the reason."""
    return [
        SkippedEntry(kind="TABLESPACE", name=name, reason=reason)
        for name in sorted(set(names) - {"pg_default"})
        if (reason := _refusal(connection, name)) is not None
    ]


def _refusal(connection: Connection, name: str) -> str | None:
    query = "SELECT pg_catalog.has_tablespace_privilege(%s, 'CREATE')"
    try:
        row = connection.execute(query, [name]).fetchone()
    except psycopg.errors.UndefinedObject as error:
        return server_words(error)
    return None if row is not None and row[0] is True else "this role may not create in it"
