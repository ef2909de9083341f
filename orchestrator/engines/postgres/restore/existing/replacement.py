"""The one transaction in which tables are replaced."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import psycopg
from typing_extensions import override

from orchestrator.engines.postgres.backup.tables.types import read_types
from orchestrator.engines.postgres.identifiers import copy_out_statement, qualified
from orchestrator.engines.postgres.restore.access import (
    Connection,
    restore_errors,
    server_words,
)
from orchestrator.engines.postgres.restore.existing.fingerprint import (
    read_guards,
    require_same_guards,
)
from orchestrator.engines.postgres.restore.existing.fitting.types import require_same_types
from orchestrator.engines.postgres.restore.existing.foreign_keys import (
    TakenKeys,
    bring_back,
    take_away,
)
from orchestrator.engines.postgres.restore.existing.locking import EVERYBODY_OUT, Locker
from orchestrator.engines.postgres.restore.existing.looking import Found
from orchestrator.engines.postgres.restore.existing.sequences import raise_sequences
from orchestrator.engines.postgres.restore.existing.triggers import (
    Silenced,
    give_voice,
    silence,
)
from orchestrator.engines.postgres.restore.loading import PostgresLoader
from orchestrator.engines.postgres.restore.reading import count_rows
from orchestrator.engines.postgres.restore.spreading import (
    group_by_root,
    read_spread_partitions,
)
from orchestrator.engines.postgres.session import translate
from orchestrator.errors import RestoreError
from orchestrator.model.contents import BlockRange, Table, TableName
from orchestrator.ports.engine import ChunkLoader
from orchestrator.ports.restoring.existing_database import Replacement

NEXT_STEP = "nothing was changed; remove the cause and restore again, or use --into-new"


@dataclass(frozen=True, slots=True)
class _Taken:
    guards: tuple[str, ...]
    silenced: Silenced
    keys: TakenKeys


@dataclass(slots=True)
class PostgresReplacement(Replacement):
    """Under the locks of ``locker``; used by one thread."""

    _connection: Connection
    _found: Found
    _locker: Locker
    _patience: timedelta
    _encoding: str
    _taken: _Taken | None = None
    _roots: Mapping[TableName, TableName] = field(default_factory=dict)

    @property
    @override
    def loader(self) -> ChunkLoader:
        loader = PostgresLoader(self._connection, encoding=self._encoding)
        loader.roots = self._roots
        return loader

    @override
    def read_table(self, table: Table, consume: Callable[[bytes], None]) -> int:
        statement = copy_out_statement(table, BlockRange(0, None), self._encoding)
        lines = 0
        with (
            restore_errors(f"reading {table.name}", next_step=NEXT_STEP),
            self._connection.cursor() as cursor,
        ):
            with cursor.copy(statement.encode()) as copy:
                for block in copy:
                    lines += bytes(block).count(b"\n")
                    consume(bytes(block))
            if cursor.rowcount != lines:
                raise RestoreError(
                    f"{table.name}: the server counted {cursor.rowcount} rows, {lines} arrived",
                    next_step=NEXT_STEP,
                )
        return lines

    @override
    def empty_tables(self) -> Sequence[str]:
        members = self._found.members
        with restore_errors("locking the tables", next_step=NEXT_STEP):
            self._locker.lock(EVERYBODY_OUT, within=self._patience)
        with restore_errors("taking keys and triggers away", next_step=NEXT_STEP):
            self._taken = _Taken(
                guards=read_guards(self._connection, self._found.oids),
                silenced=silence(self._connection, members.oids),
                keys=take_away(self._connection, members.oids),
            )
            self._roots = read_spread_partitions(self._connection)
        with restore_errors("removing the rows", next_step=NEXT_STEP):
            listed = ", ".join(f"ONLY {qualified(one.name)}" for one in members.replaced)
            self._connection.execute(f"TRUNCATE {listed}".encode())
        return [
            f"the transaction of session {pid} was cancelled: it had read one of the tables and"
            " waited to write to another"
            for pid in self._locker.cancelled
        ]

    @override
    def restore_guards(self) -> Sequence[str]:
        if self._taken is None:
            raise RestoreError("the tables were not emptied", next_step=NEXT_STEP)
        oids = self._found.members.oids
        with restore_errors("bringing keys and triggers back", next_step=NEXT_STEP):
            # What waits for the commit is checked now: no table with such rows can be altered.
            self._connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
            bring_back(self._connection, oids, self._taken.keys)
            give_voice(self._connection, self._taken.silenced)
            raised = raise_sequences(self._connection, self._found.sequences)
            after = read_guards(self._connection, self._found.oids)
            types = read_types(self._connection, [one.oid for one in self._found.members.loaded])
        require_same_guards(self._taken.guards, after)
        require_same_types(self._found.members.types, types)
        return [*raised, *self._found.members.kept, *self._analyze()]

    def _analyze(self) -> Iterator[str]:
        """Gather the planner's statistics; yield in words where that failed: no row is missing."""
        for relation in self._found.members.replaced:
            try:
                with self._connection.transaction():
                    self._connection.execute(f"ANALYZE {qualified(relation.name)}".encode())
            except psycopg.DatabaseError as error:
                if self._connection.closed:
                    raise translate(error, f"ANALYZE {relation.name}") from error
                yield f"ANALYZE {relation.name} failed: {server_words(error)}"

    @override
    def count_rows(self, tables: Sequence[Table]) -> Sequence[int]:
        with restore_errors("counting the rows", next_step=NEXT_STEP):
            return [count_rows(self._connection, table) for table in tables]

    @override
    def comparable(self, tables: Sequence[Table]) -> Sequence[Sequence[Table]]:
        return group_by_root(tables, self._roots)
