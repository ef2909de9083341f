"""Reading a restored database back: counts, rows, large objects."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta
from queue import SimpleQueue

from orchestrator.engines.postgres.backup.large_objects import copy_large_objects_statement
from orchestrator.engines.postgres.identifiers import copy_out_statement, qualified
from orchestrator.engines.postgres.programs import find_client_programs
from orchestrator.engines.postgres.psql_session import PsqlSession
from orchestrator.engines.postgres.restore.access import Access, Connection
from orchestrator.engines.postgres.session import pinned_settings
from orchestrator.model.contents import BlockRange, LargeObjectRange, Table

_STALL = timedelta(minutes=10)
_EVERYTHING = LargeObjectRange(0, None)

# For a role that may not read pg_largeobject: the same pages through the functions that every
# owner may call. Holes read as zeros here and have no page there, so only what was written is read.
_PAGES_BY_FUNCTION = """COPY (SELECT e.oid, p,
  pg_catalog.lo_get(e.oid, p, least(b.page, e.finish - p)::int)
 FROM (VALUES {extents}) AS e(oid, start, finish),
 (SELECT pg_catalog.current_setting('block_size')::bigint / 4) AS b(page),
 LATERAL pg_catalog.generate_series(e.start, e.finish - 1, b.page) p
 ORDER BY 1, 2) TO STDOUT WITH (FORMAT text)"""
_EXTENTS_AT_ONCE = 1000


def may_read_pages(connection: Connection) -> bool:
    """Return whether the session's role may read the table of large objects itself."""
    query = "SELECT pg_catalog.has_table_privilege('pg_catalog.pg_largeobject', 'SELECT')"
    row = connection.execute(query).fetchone()
    return row is not None and row[0] is True


def count_rows(connection: Connection, table: Table) -> int:
    """Return the exact number of rows of a table, without those of inheriting tables."""
    # The name is quoted by qualified().
    query = f"SELECT pg_catalog.count(*) FROM ONLY {qualified(table.name)}"  # noqa: S608
    row = connection.execute(query.encode()).fetchone()
    return int(str(row[0])) if row is not None else 0


def count_all_rows(connections: Sequence[Connection], tables: Iterable[Table]) -> list[int]:
    """Return the exact numbers of rows of tables in their order, counted by all sessions at once."""
    idle: SimpleQueue[Connection] = SimpleQueue()
    for connection in connections:
        idle.put(connection)

    def count(table: Table) -> int:
        connection = idle.get()
        try:
            return count_rows(connection, table)
        finally:
            idle.put(connection)

    with ThreadPoolExecutor(len(connections), thread_name_prefix="count-rows") as pool:
        return list(pool.map(count, tables))


class RestoredReader:
    """Reads rows as a backup does, all with one session; used by one thread at a time.

    One, because a database may have thousands of tables, and a psql for each takes longer than its
    rows do. ``encoding`` is the database's, in which rows travel; ``version`` the server's (170010).
    """

    def __init__(self, access: Access, database: str, *, encoding: str, version: int) -> None:
        """Start nothing yet; the first table that is read opens the session."""
        self._access = access
        self._database = database
        self._encoding = encoding
        self._version = version
        self._session: PsqlSession | None = None
        self._opened = ExitStack()

    def read_table(self, table: Table, consume: Callable[[bytes], None]) -> int:
        """Hand all rows of a table to ``consume`` as COPY text, and return their proved number.

        Raises:
            IncompleteStreamError: the end or the count cannot be proved.
        """
        statement = copy_out_statement(table, BlockRange(0, None), self._encoding)
        return self._open().copy_out(statement, consume, subject=f"reading {table.name}")

    def read_large_objects(self, consume: Callable[[bytes], None]) -> int:
        """Hand all large objects to ``consume``, read from ``pg_largeobject`` itself.

        Raises:
            IncompleteStreamError: the end or the count cannot be proved.
        """
        statement = copy_large_objects_statement(_EVERYTHING)
        return self._open().copy_out(statement, consume, subject="reading large objects")

    def read_extents(
        self, extents: Sequence[tuple[int, int, int]], consume: Callable[[bytes], None]
    ) -> int:
        """The same for a role that may not: ``extents`` (oid, first byte, end) are all there is.

        Raises:
            IncompleteStreamError: the end or the count cannot be proved.
        """
        rows, ordered = 0, sorted(extents)
        for start in range(0, len(ordered), _EXTENTS_AT_ONCE):
            part = ordered[start : start + _EXTENTS_AT_ONCE]
            values = ", ".join(f"({oid}::oid, {a}::bigint, {b}::bigint)" for oid, a, b in part)
            statement = _PAGES_BY_FUNCTION.format(extents=values).replace("\n", " ")
            rows += self._open().copy_out(statement, consume, subject="reading large objects")
        return rows

    def close(self) -> None:
        """End the session; may be called twice."""
        self._opened.close()
        self._session = None

    def _open(self) -> PsqlSession:
        if self._session is None:
            self._session = self._start()
        return self._session

    def _start(self) -> PsqlSession:
        programs = find_client_programs(
            environment=self._access.environment, at_least=self._version // 10000
        )
        connection_string, environment = self._opened.enter_context(
            self._access.for_programs(self._database)
        )
        session = self._opened.enter_context(
            PsqlSession(
                programs.path("psql"),
                connection_string=connection_string,
                environment=environment,
                stall_timeout=_STALL,
            )
        )
        for setting in pinned_settings(self._version):
            session.execute(setting)
        return session
