"""A database that exists already, and whose tables a backup is to replace.

Rows cross this border as COPY text. Errors are `RestoreError` and its subclasses, and those of a
server that cannot be reached. Unless `ExistingDatabase.replacing` was left without an exception,
nothing of the database has changed.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

from orchestrator.model.contents import (
    Column,
    SequenceState,
    ServerIdentity,
    SkippedEntry,
    Table,
    TableName,
    TypeDefinition,
)
from orchestrator.model.policy import TableSelection
from orchestrator.model.secret import Secret
from orchestrator.ports.engine import ChunkLoader


@dataclass(frozen=True, slots=True, kw_only=True)
class ExistingRequest:
    """Which database to open, and as whom.

    ``lock_timeout`` is how long all locks together may be waited for, ``stall_timeout`` how long
    nothing may be heard from a server that should answer, or from us while we hold the locks.
    """

    url: Secret
    database: str
    application_name: str
    lock_timeout: timedelta
    stall_timeout: timedelta = timedelta(minutes=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the backup says about the tables to be replaced.

    ``whole`` are the partitioned tables that were asked for as such: all their partitions in the
    backup are among ``tables``, and those that came later are emptied. ``sequences`` are all of the backup;
    ``every_sequence`` means those, too, that no table here uses. ``encoding`` is that of the rows.
    ``types`` are how types were defined then. ``parents`` say what was directly above each
    partition. ``with_rows`` are all tables that the backup has rows of, ``without_rows`` the names of
    those that it knows besides, and ``selection`` is what it was to have: what it knows and is not
    among ``tables``, or would not have had, keeps its rows.
    """

    tables: tuple[Table, ...]
    whole: frozenset[TableName]
    sequences: tuple[SequenceState, ...]
    every_sequence: bool
    encoding: str
    types: tuple[TypeDefinition, ...] = ()
    parents: Mapping[TableName, TableName] = field(default_factory=dict)
    with_rows: frozenset[TableName] = frozenset()
    without_rows: frozenset[str] = frozenset()
    selection: TableSelection = field(default_factory=TableSelection)

    def knows(self, name: TableName) -> bool:
        """Whether the backup knows a table of this name."""
        return name in self.with_rows or str(name) in self.without_rows


@dataclass(frozen=True, slots=True, kw_only=True)
class TableNow:
    """A table that would be replaced; ``rows`` None if row-level security hides their number.

    ``columns`` are the stored ones that it has now.
    """

    name: TableName
    columns: tuple[Column, ...]
    rows: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplacementPlan:
    """What replacing would change, each line in words, and what stands in its way.

    ``differences`` are harmless ones between the tables then and now, and what keeps its rows
    although it is not in the backup; ``losses`` are those that lose
    values of columns that the backup does not have; ``published`` names tables
    whose subscribers would get it all, too; ``neighbours`` are tables outside the set that foreign
    keys lead to or from: they are locked, but keep their rows. ``stale`` are materialized views
    that would show the old rows until they are refreshed.
    """

    identity: ServerIdentity
    tables: tuple[TableNow, ...]
    neighbours: tuple[TableName, ...]
    foreign_keys: tuple[str, ...]
    triggers: tuple[str, ...]
    sequences: tuple[str, ...]
    differences: tuple[str, ...]
    losses: tuple[str, ...]
    published: tuple[str, ...]
    stale: tuple[SkippedEntry, ...]
    obstacles: tuple[str, ...]


class Replacement(Protocol):
    """The one transaction, with the tables locked against writers since it began."""

    @property
    def loader(self) -> ChunkLoader:
        """The session of the transaction."""
        ...

    def read_table(self, table: Table, consume: Callable[[bytes], None]) -> int:
        """Hand the rows that the table has now to ``consume`` as COPY text; return their number."""
        ...

    def empty_tables(self) -> Sequence[str]:
        """Keep readers out, take foreign keys and triggers away, remove every row.

        Returns, in words, whom it had to cancel: transactions that had read one of the tables and
        waited to write to another, so that they and we waited for each other.

        Raises:
            LockTimeoutError: names the sessions that hold the tables.
        """
        ...

    def restore_guards(self) -> Sequence[str]:
        """Raise sequences, bring foreign keys and triggers back as they were, and prove it.

        Returns in words what was raised, and which tables keep rows that the backup does not have.

        Raises:
            RestoreError: rows would be orphaned (each key is named), or something is not as it was.
        """
        ...

    def count_rows(self, tables: Sequence[Table]) -> Sequence[int]:
        """Count the rows of each table, exactly, in the order given."""
        ...

    def comparable(self, tables: Sequence[Table]) -> Sequence[Sequence[Table]]:
        """Group tables as `NewDatabase.comparable` does."""
        ...


class ExistingDatabase(Protocol):
    """A database with rows of its own."""

    def look(self, wanted: Wanted) -> ReplacementPlan:
        """Return what replacing would change, without any lock that others could feel."""
        ...

    def doubt_of(self, url: Secret, database: str) -> str | None:
        """Return in words why ``url`` might lead to another database than this one, or None.

        None is a proof, not a guess: the session whose transaction replaces was seen among those of
        the one server that ``url`` leads to, in the database of that name. Identities do not count:
        clones and promoted standbys have the same. May be asked within `replacing`, too; a URL that
        cannot be asked is a doubt, not an error.
        """
        ...

    def replacing(
        self, wanted: Wanted, shown: ReplacementPlan
    ) -> AbstractContextManager[Replacement]:
        """Lock the tables against writers, and commit when the block ends without an exception.

        ``shown`` is what somebody agreed to.

        Raises:
            LockTimeoutError: names the sessions that hold the tables.
            RestoreError: the tables are not as they were shown any more; or it is not known
                whether the commit was done (the message says how to find out).
        """
        ...


class ExistingEngine(Protocol):
    """Opens databases whose tables a backup is to replace."""

    def open_existing(self, request: ExistingRequest) -> AbstractContextManager[ExistingDatabase]:
        """Open a session for replacing and one that looks on; both end with the block."""
        ...
