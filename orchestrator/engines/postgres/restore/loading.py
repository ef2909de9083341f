"""Bringing rows in: COPY text in large blocks, each table in one transaction."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

import psycopg
from typing_extensions import override

from orchestrator.engines.postgres.identifiers import copy_in_statement
from orchestrator.engines.postgres.restore.access import Connection, restore_errors
from orchestrator.engines.postgres.restore.broken_rules import (
    BROKEN_BY_ROWS,
    DOMAIN_BROKEN_BY_ROWS,
)
from orchestrator.errors import RestoreError
from orchestrator.model.contents import Table, TableName
from orchestrator.ports.engine import ChunkLoader

_BLOCK_BYTES = 512 * 1024
_NEXT_STEP = "the table is empty in the new database; remove the cause and restore again"

_STAGE = """
CREATE TEMPORARY TABLE large_object_pieces (oid oid, position bigint, bytes bytea) ON COMMIT DROP
"""
_WRITE_PIECES = """
SELECT pg_catalog.count(pg_catalog.lo_put(oid, position, bytes)::text)
  FROM (SELECT oid, position, bytes FROM pg_temp.large_object_pieces
         ORDER BY oid, position) pieces
"""

# Pieces that follow each other without a hole, from the first byte to the last.
_EXTENTS = """
SELECT oid::bigint, pg_catalog.min(position),
       pg_catalog.max(position + pg_catalog.octet_length(bytes))
  FROM (SELECT oid, position, bytes, position + pg_catalog.octet_length(bytes)
               - pg_catalog.sum(pg_catalog.octet_length(bytes)) OVER (
                   PARTITION BY oid ORDER BY position ROWS UNBOUNDED PRECEDING) AS island
          FROM pg_temp.large_object_pieces) pieces
 GROUP BY oid, island ORDER BY 1, 2
"""


class PostgresLoader(ChunkLoader):
    """One session into the new database; used by one thread at a time."""

    def __init__(self, connection: Connection, *, encoding: str) -> None:
        self.connection = connection
        self.roots: Mapping[TableName, TableName] = {}
        """The tables that are loaded through another one, known when they exist."""
        self._encoding = encoding
        self.extents: list[tuple[int, int, int]] = []
        """Which bytes of large objects were written: oid, first byte, end. Holes are in none."""

    @override
    def load_table(self, table: Table, text: Iterable[bytes]) -> int:
        """Append rows given as COPY text, in one transaction, and return the server's count.

        If ``text`` raises, nothing of it is kept and its exception goes on.

        Raises:
            RestoreError: the server refused a row; nothing of ``text`` is kept.
        """
        subject = f"rows of table {table.name}"
        try:
            with restore_errors(subject, next_step=_NEXT_STEP):
                target = replace(table, name=self.roots.get(table.name, table.name))
                return self._copy_in(copy_in_statement(target, self._encoding), text)
        except RestoreError as error:
            if isinstance(error.__cause__, psycopg.errors.CheckViolation):
                # A domain has no table; its constraints are not left out.
                of_table = error.__cause__.diag.table_name is not None
                error.next_step = BROKEN_BY_ROWS if of_table else DOMAIN_BROKEN_BY_ROWS
            raise

    @override
    def load_large_objects(self, text: Iterable[bytes]) -> int:
        """Write the bytes of large objects that exist already, and return the number of rows.

        Rows are oid, offset in bytes, and bytes as bytea hex; all or none are written.

        Raises:
            RestoreError: an object does not exist, or a row was refused.
        """
        with (
            restore_errors("the bytes of large objects", next_step=_NEXT_STEP),
            self.connection.transaction(),
        ):
            self.connection.execute(_STAGE)
            statement = "COPY pg_temp.large_object_pieces FROM STDIN WITH (FORMAT text)"
            rows = self._copy_in(statement, text)
            row = self.connection.execute(_WRITE_PIECES).fetchone()
            self.extents += [
                (int(str(oid)), int(str(first)), int(str(end)))
                for oid, first, end in self.connection.execute(_EXTENTS)
            ]
        if row is None or row[0] != rows:
            raise RestoreError(
                f"of {rows} pieces of large objects {row} were written", next_step=_NEXT_STEP
            )
        return rows

    def _copy_in(self, statement: str, text: Iterable[bytes]) -> int:
        with self.connection.cursor() as cursor:
            with cursor.copy(statement.encode()) as copy:
                for block in _joined(text):
                    copy.write(block)
            return cursor.rowcount


def _joined(text: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the same bytes in blocks of at least half a MiB: each costs a round through libpq."""
    pending = bytearray()
    for block in text:
        if not pending and len(block) >= _BLOCK_BYTES:
            yield block
            continue
        pending += block
        if len(pending) >= _BLOCK_BYTES:
            yield bytes(pending)
            pending.clear()
    if pending:
        yield bytes(pending)
