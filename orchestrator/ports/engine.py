"""How rows leave a database, and how they come back.

Values cross this border as COPY text; compressing, naming and storing are the caller's business.
Errors are `SourceError` and `RestoreError` and their subclasses.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

from orchestrator.model.contents import (
    BlockRange,
    DatabaseProperties,
    Details,
    LargeObjectRange,
    Partition,
    Role,
    SequenceState,
    SkippedEntry,
    SourceContents,
    Table,
    TableName,
)
from orchestrator.model.names import DatabaseName, RunId
from orchestrator.model.policy import Source, TableSelection
from orchestrator.model.secret import Secret
from orchestrator.planning.comparison.schema import SchemaDescription


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotRequest:
    """What to open a snapshot of.

    ``workers`` is the number of parallel readers, at least 1. ``blocks_per_chunk`` carries the
    alignment of earlier backups of the series, by ``schema.table``.
    """

    run: RunId
    source: Source
    database: DatabaseName
    selection: TableSelection
    workers: int
    blocks_per_chunk: Mapping[str, int]


class ChunkReader(Protocol):
    """One worker session under the snapshot; used by one thread at a time."""

    def read_table(self, table: Table, blocks: BlockRange, consume: Callable[[bytes], None]) -> int:
        """Hand the rows of a block range to ``consume`` as COPY text, and return their number.

        Blocks of text have any size and any boundary. It returns only if the stream is proved
        complete: the server's own count equals the number of lines that arrived.

        Raises:
            IncompleteStreamError: the end or the count cannot be proved.
            StalledError: no byte arrived for the source's stall time-out.
        """
        ...

    def read_large_objects(self, oids: LargeObjectRange, consume: Callable[[bytes], None]) -> int:
        """The same for large objects: rows of oid, offset in bytes, and bytes as bytea hex."""
        ...


class SourceSnapshot(Protocol):
    """One consistent moment of one database, held open for the whole run."""

    @property
    def contents(self) -> SourceContents:
        """What there is to read, seen under the snapshot."""
        ...

    @property
    def readers(self) -> Sequence[ChunkReader]:
        """The worker sessions, as many as were asked for."""
        ...

    def dump_schema(self) -> bytes:
        """Return ``pg_dump -Fc --schema-only`` of the whole database, under the snapshot."""
        ...

    def dump_globals(self) -> bytes:
        """Return roles, memberships and settings as SQL for people, without password hashes."""
        ...

    def read_sequences(self) -> Sequence[SequenceState]:
        """Return every sequence's state; call it after the data has been read."""
        ...

    def check(self) -> None:
        """Do nothing if the snapshot and its locks were held without a gap until now.

        Raises:
            SnapshotLostError: a session ended, so the rows may be of different moments.
            RunTooLongError, GaveWayError: the run was broken off by its monitor.
        """
        ...


class SourceEngine(Protocol):
    """Reads databases."""

    def open_snapshot(self, request: SnapshotRequest) -> AbstractContextManager[SourceSnapshot]:
        """Check privileges and versions, lock the tables, export the snapshot, open the workers.

        On leaving, whatever happened, no session and no child process remains.

        Raises:
            SourceError: with the class that names the cause; nothing is left behind.
        """
        ...

    def end_orphans(self, source: Source, run: RunId) -> int:
        """End the sessions that a killed run left at the server, and return how many there were."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Ownership:
    """Who shall own and use a new database, if not those who are recorded.

    ``renamed`` are owners by the names that they have in the backup; grants keep the recorded
    ones. Without ``keep_owners`` the restoring role owns everything, without ``keep_grants`` only
    owners may do anything. ``with_roles`` makes recorded roles that are missing.
    """

    renamed: Mapping[str, str] = field(default_factory=dict)
    keep_owners: bool = True
    keep_grants: bool = True
    with_roles: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreRequest:
    """Where to restore to.

    ``url`` is that of a role that may create databases; its own database does not matter.
    ``temporary_name`` is the name under which the database is built; it is renamed to
    ``final_name`` only by `NewDatabase.publish`. A database of that name which a killed restore
    left behind is dropped first. ``tables``, if given, are the only ones to be created, with what
    they need; those that are partitioned are among them. A server that is silent for
    ``stall_timeout`` and does not work on what it was asked ends the restore. With ``set_aside`` the
    final name is one for the meantime: a comment says so in place of the recorded one, and no
    pattern of a policy takes the database for a source. Of ``roles`` those are made that are
    missing: nobody can log in as one of them. They stay, whatever becomes of the restore. With
    ``skip_failed_indexes`` an index that cannot be built is left out and returned, unless a
    constraint needs it. With ``skip_failed_constraints`` one that the rows do not fulfil comes
    back unchecked (``NOT VALID``), or is left out if it cannot, and is returned.
    """

    url: Secret
    final_name: str
    temporary_name: str
    workers: int
    application_name: str
    tables: frozenset[TableName] | None = None
    ownership: Ownership = field(default_factory=Ownership)
    stall_timeout: timedelta = timedelta(minutes=2)
    set_aside: bool = False
    roles: tuple[Role, ...] = ()
    skip_failed_indexes: bool = False
    skip_failed_constraints: bool = False


class ChunkLoader(Protocol):
    """One session into the new database; used by one thread at a time."""

    def load_table(self, table: Table, text: Iterable[bytes]) -> int:
        """Append rows given as COPY text, in one transaction, and return the server's count."""
        ...

    def load_large_objects(self, text: Iterable[bytes]) -> int:
        """Write the bytes of large objects that exist already, and return the number of rows."""
        ...


class NewDatabase(Protocol):
    """A database being built under a temporary name that nobody else may connect to."""

    @property
    def loaders(self) -> Sequence[ChunkLoader]:
        """The loading sessions, as many as were asked for."""
        ...

    @property
    def notes(self) -> Sequence[str]:
        """What was done beside the database so far, and is worth saying: roles that were made."""
        ...

    def restore_pre_data(self, schema_archive: bytes, details: Details) -> Sequence[SkippedEntry]:
        """Create types, functions, tables, sequences and empty large objects: all rows need.

        Returns what could not be recreated and carries no data of the backup, such as extensions
        that this role may not create.

        Raises:
            RestoreError: an entry that carries or guards data could not be created.
        """
        ...

    def restore_post_data(self, schema_archive: bytes, details: Details) -> Sequence[SkippedEntry]:
        """Set sequences, create indexes and constraints, refresh matviews in order, ANALYZE.

        Raises:
            RestoreError: an entry that carries or guards data could not be created.
        """
        ...

    def count_rows(self, tables: Sequence[Table]) -> Sequence[int]:
        """Count the rows of each table, exactly, in the order given."""
        ...

    def comparable(self, tables: Sequence[Table]) -> Sequence[Sequence[Table]]:
        """Group tables so that each group has together the rows that it had in the backup.

        One table each, but for partitions over which the server spreads rows in another way in
        every database.
        """
        ...

    def read_table(self, table: Table, consume: Callable[[bytes], None]) -> int:
        """Hand all rows of a table to ``consume`` as COPY text, proved complete as in a backup."""
        ...

    def read_sequences(self) -> Sequence[SequenceState]:
        """Return every sequence's state."""
        ...

    def read_large_objects(self, consume: Callable[[bytes], None]) -> int:
        """Hand all large objects to ``consume`` in the form of `ChunkReader.read_large_objects`."""
        ...

    def publish(self) -> Sequence[SkippedEntry]:
        """Give the database owners, grants, publications and, last of all, its final name.

        Call it after everything was compared: from here on rows may be hidden from this role by
        row-level security and given-away ownership. CONNECT grants, comment, owner and final name
        come in one transaction. Returns what could not be recreated (owners and grants whose roles
        are missing, publications that need more privileges), with the server's words.

        Raises:
            RestoreError: the database keeps its temporary name.
            TargetExistsError: somebody took the final name in the meantime.
        """
        ...


class TargetEngine(Protocol):
    """Builds databases."""

    def create_database(
        self, request: RestoreRequest, properties: DatabaseProperties
    ) -> AbstractContextManager[NewDatabase]:
        """Create a database from ``template0`` with the recorded properties, closed to others.

        Leaving without `NewDatabase.publish` keeps it under its temporary name for inspection;
        sessions are closed in any case.

        Raises:
            TargetExistsError: the final name is taken.
            RestoreError: it cannot be created; the server's words are in the message.
        """
        ...

    def read_partitions(self, schema_archive: bytes) -> Sequence[Partition]:
        """Return which table is a partition of which, as a schema archive says it.

        Backups made before their details recorded it say it nowhere else.

        Raises:
            RestoreError: the archive cannot be read.
        """
        ...

    def read_owners(self, schema_archive: bytes) -> frozenset[str]:
        """Return the roles that own something of what a schema archive defines.

        Raises:
            RestoreError: the archive cannot be read.
        """
        ...


class SchemaReader(Protocol):
    """Puts schema archives into pieces that can be compared, without a server."""

    def describe(self, archive: bytes) -> SchemaDescription:
        """Return what a schema archive of `SourceSnapshot.dump_schema` says.

        Raises:
            RestoreError: the archive cannot be read.
        """
        ...
