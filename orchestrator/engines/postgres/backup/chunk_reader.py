"""A worker: one psql under the exported snapshot, with locks of its own."""

from collections.abc import Callable

from typing_extensions import override

from orchestrator.engines.postgres.backup.coordinator import BEGIN, HeldSnapshot
from orchestrator.engines.postgres.backup.large_objects import copy_large_objects_statement
from orchestrator.engines.postgres.backup.large_values import describe_large_rows
from orchestrator.engines.postgres.backup.tables.relations import Connection
from orchestrator.engines.postgres.backup.watch import Watch
from orchestrator.engines.postgres.identifiers import copy_out_statement, quote_literal
from orchestrator.engines.postgres.psql_session import PsqlSession
from orchestrator.engines.postgres.session import pinned_settings, translated_errors
from orchestrator.errors import ValueTooLargeError
from orchestrator.model.contents import BlockRange, LargeObjectRange, Table
from orchestrator.ports.engine import ChunkReader


class PsqlChunkReader(ChunkReader):
    """Reads ranges of tables and large objects under the snapshot."""

    def __init__(
        self, session: PsqlSession, *, encoding: str, watch: Watch, coordinator: Connection
    ) -> None:
        """``encoding`` is the server's, in which rows travel."""
        self._session = session
        self._encoding = encoding
        self._watch = watch
        self._coordinator = coordinator

    @override
    def read_table(self, table: Table, blocks: BlockRange, consume: Callable[[bytes], None]) -> int:
        statement = copy_out_statement(table, blocks, self._encoding)
        try:
            return self._copy(statement, consume, f"reading {table.name}")
        except ValueTooLargeError as error:
            with translated_errors(f"looking for the large values of {table.name}"):
                where = describe_large_rows(self._coordinator, table, blocks)
            raise ValueTooLargeError(
                f"{error.what}: {where}",
                next_step=f"make the value smaller, or leave {table.name} out (tables.exclude) and"
                " save it in another way: COPY text carries rows of up to 1 GiB, and of a bytea"
                " half of that",
            ) from error

    @override
    def read_large_objects(self, oids: LargeObjectRange, consume: Callable[[bytes], None]) -> int:
        return self._copy(copy_large_objects_statement(oids), consume, "reading large objects")

    def _copy(self, statement: str, consume: Callable[[bytes], None], subject: str) -> int:
        with self._watch.cause():
            return self._session.copy_out(statement, consume, subject=subject)


def join_snapshot(session: PsqlSession, held: HeldSnapshot, server_version: int) -> None:
    """Put a fresh session under the snapshot: pin, begin, lock without waiting, import.

    Locks come first: the coordinator's alone would be gone with the coordinator (rule 4).

    Raises:
        LockTimeoutError: somebody queued for a table in between; the run starts over.
    """
    for setting in pinned_settings(server_version):
        session.execute(setting)
    session.execute("SET client_min_messages = 'error'")
    session.execute(BEGIN)
    lock = held.resolved.lock_statement(nowait=True)
    if lock is not None:
        session.execute(lock)
    session.execute(f"SET TRANSACTION SNAPSHOT {quote_literal(held.name)}")
