"""What follows the rows: sequences, materialized views, statistics of the planner."""

from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from queue import Empty, SimpleQueue

import psycopg

from orchestrator.engines.postgres.identifiers import qualified
from orchestrator.engines.postgres.restore.access import (
    Connection,
    is_trouble_of_server,
    restore_errors,
    server_words,
)
from orchestrator.errors import RestoreError
from orchestrator.model.contents import SequenceState, SkippedEntry, TableName

_SET = """
SELECT pg_catalog.setval(pg_catalog.format('%%I.%%I', s, n)::pg_catalog.regclass, v, c)
  FROM unnest(%s::text[], %s::text[], %s::bigint[], %s::boolean[]) AS state(s, n, v, c)
"""

_UNPOPULATED = """
SELECT n.nspname, c.relname
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = relnamespace
 WHERE relkind = 'm' AND NOT relispopulated ORDER BY c.oid
"""

_BEFORE_ITS_TURN = psycopg.errors.ObjectNotInPrerequisiteState

# Partitioned tables themselves are left out, as vacuumdb does: they would read every partition
# a second time.
_ANALYZED = """
SELECT n.nspname, c.relname
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = relnamespace
 WHERE relkind IN ('r', 'm') AND nspname NOT IN ('pg_catalog', 'information_schema')
   AND nspname !~ '^pg_toast' ORDER BY relpages DESC, c.oid
"""


def set_sequences(connection: Connection, states: Sequence[SequenceState]) -> None:
    """Put every sequence exactly where it stood.

    Raises:
        RestoreError: a sequence does not exist or does not take the value.
    """
    columns = (
        [state.name.schema for state in states],
        [state.name.name for state in states],
        [state.last_value for state in states],
        [state.is_called for state in states],
    )
    with restore_errors("setting the sequences", next_step="restore again, or take another backup"):
        connection.execute(_SET, columns)


def refresh_materialized_views(
    connection: Connection, empty_at_source: Collection[TableName]
) -> list[SkippedEntry]:
    """Populate every materialized view, but for those that had no rows at the source either.

    The server itself knows their order: one that reads another before that is populated is
    refused (SQLSTATE 55000), and has its turn again. That covers dependencies through functions,
    which the catalog does not show. Returns those that stay without rows, with the server's words:
    a foreign server is away, a function fails, another view has no rows. No row of a table depends
    on them, and REFRESH fills them at any time.

    Raises:
        RestoreError: one cannot be populated because this server is in trouble, or was told to stop.
    """
    pending = [
        name for name in _names(connection, _UNPOPULATED) if name not in set(empty_at_source)
    ]
    failed: dict[TableName, psycopg.Error] = {}
    while pending:
        refused = {name: why for name in pending if (why := _refusal(connection, name))}
        waiting = [name for name, why in refused.items() if isinstance(why, _BEFORE_ITS_TURN)]
        failed |= refused
        if len(waiting) == len(pending):
            break
        pending = waiting
    failed = {name: failed[name] for name in _names(connection, _UNPOPULATED) if name in failed}
    _require_populated(connection, {*empty_at_source, *failed})
    return [_without_rows(name, why) for name, why in failed.items()]


def _refusal(connection: Connection, name: TableName) -> psycopg.Error | None:
    """Try to populate a view; return why not, if that concerns this view alone."""
    with restore_errors(
        f"materialized view {name} cannot be populated",
        next_step="see the server's log, and restore again",
    ):
        try:
            connection.execute(f"REFRESH MATERIALIZED VIEW {qualified(name)}".encode())
        except psycopg.DatabaseError as error:
            if connection.closed or is_trouble_of_server(error):
                raise
            return error
    return None


def _without_rows(name: TableName, why: psycopg.Error) -> SkippedEntry:
    return SkippedEntry(
        kind="MATERIALIZED VIEW DATA",
        name=str(name),
        reason=f"{server_words(why)}; it has no rows until REFRESH MATERIALIZED VIEW"
        f" {qualified(name)} succeeds",
    )


def _require_populated(connection: Connection, apart_from: Collection[TableName]) -> None:
    remaining = [name for name in _names(connection, _UNPOPULATED) if name not in apart_from]
    if remaining:
        raise RestoreError(
            f"materialized views are not populated: {', '.join(map(str, remaining))}",
            next_step="restore again; if it stays so, report it with their definitions",
        )


def analyze(connections: Sequence[Connection]) -> list[SkippedEntry]:
    """Gather the planner's statistics of every table, one table per session at a time.

    Returns the tables where that failed: they carry all their rows, only plans suffer.
    """
    waiting: SimpleQueue[TableName] = SimpleQueue()
    for name in _names(connections[0], _ANALYZED):
        waiting.put(name)
    with ThreadPoolExecutor(len(connections), thread_name_prefix="analyze") as executor:
        results = executor.map(
            lambda connection: _analyze_waiting(connection, waiting), connections
        )
        return [skipped for result in results for skipped in result]


def _analyze_waiting(connection: Connection, waiting: SimpleQueue[TableName]) -> list[SkippedEntry]:
    skipped: list[SkippedEntry] = []
    while True:
        try:
            name = waiting.get_nowait()
        except Empty:
            return skipped
        try:
            connection.execute(f"ANALYZE {qualified(name)}".encode())
        except psycopg.DatabaseError as error:
            if connection.closed:
                raise
            reason = server_words(error)
            skipped.append(SkippedEntry(kind="ANALYZE", name=str(name), reason=reason))


def _names(connection: Connection, query: str) -> list[TableName]:
    rows = connection.execute(query.encode())
    return [TableName(str(schema), str(name)) for schema, name in rows]
