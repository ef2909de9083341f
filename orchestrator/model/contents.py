"""What is inside a backup: the values that ``details.json`` carries (design §6)."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from orchestrator.model.names import ObjectKey


@dataclass(frozen=True, slots=True, order=True)
class TableName:
    """A table's schema and name, exactly as the server has them."""

    schema: str
    name: str

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A stored column, in the order of the table. Generated columns are not listed."""

    name: str
    type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeDefinition:
    """What the text of a type's values means, beyond its name.

    ``name`` is as the server writes it in a column's type. ``kind`` and ``parts``: ``composite``,
    its attributes with their types in order; ``enum``, its labels in order; ``domain``, the type
    below, then NOT NULL and the checks; ``range``, its subtype and how that is ordered;
    ``multirange``, its range.
    """

    name: str
    kind: str
    parts: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table that holds rows of its own: an ordinary table, a partition, an unlogged table.

    ``blocks_per_chunk`` is a power of two; chunk boundaries are multiples of it.
    ``columns`` leaves out generated columns, which ``generated`` names (backups made before that was
    recorded name none); a table without columns has none.
    """

    name: TableName
    columns: tuple[Column, ...]
    blocks_per_chunk: int
    partition_of: TableName | None = None
    unlogged: bool = False
    generated: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Partition:
    """A table that is a partition, and the partitioned table directly above it."""

    name: TableName
    partition_of: TableName


def parents_of(
    tables: Iterable[Table], partitions: Iterable[Partition]
) -> Mapping[TableName, TableName]:
    """Return what is directly above each partition, from tables with rows and those without."""
    return {one.name: one.partition_of for one in partitions} | {
        table.name: table.partition_of for table in tables if table.partition_of is not None
    }


def ancestors_of(name: TableName, parents: Mapping[TableName, TableName]) -> tuple[TableName, ...]:
    """Return the partitioned tables above a table, nearest first; none if it is no partition."""
    found: list[TableName] = []
    above = parents.get(name)
    # What a document says may go in circles, which no server allows.
    while above is not None and above not in found:
        found.append(above)
        above = parents.get(above)
    return tuple(found)


@dataclass(frozen=True, slots=True)
class BlockRange:
    """The blocks ``[first, end)`` of a table; ``end`` None means open upwards."""

    first: int
    end: int | None


@dataclass(frozen=True, slots=True)
class LargeObjectRange:
    """The large objects with ``first <= oid < end``; ``end`` None means open upwards."""

    first: int
    end: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """Where the rows of one range are stored.

    ``text_bytes`` is the size of the COPY text, ``stored_bytes`` of the object, ``sha256`` the
    digest of the stored bytes.
    """

    range: BlockRange | LargeObjectRange
    key: ObjectKey
    rows: int
    text_bytes: int
    stored_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TableData:
    """A table and the chunks that hold its rows, contiguous from block 0 to the open end."""

    table: Table
    chunks: tuple[Chunk, ...]

    @property
    def rows(self) -> int:
        """How many rows the table had under the snapshot."""
        return sum(chunk.rows for chunk in self.chunks)


@dataclass(frozen=True, slots=True, kw_only=True)
class LargeObject:
    """A large object without its bytes. ``acl`` is aclitem text (``=r/owner``) or None."""

    oid: int
    owner: str
    acl: tuple[str, ...] | None
    comment: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SequenceState:
    """Where a sequence stood, read after the data: sequences do not obey snapshots."""

    name: TableName
    last_value: int
    is_called: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """A role as data, without its password. ``settings`` are ``name=value`` texts."""

    name: str
    attributes: Mapping[str, bool]
    connection_limit: int
    valid_until: str | None
    member_of: tuple[str, ...]
    settings: tuple[str, ...]
    comment: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Extension:
    """An extension of the database, and the version that was installed."""

    name: str
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseSetting:
    """One ``ALTER DATABASE … SET`` or ``ALTER ROLE … IN DATABASE … SET``: ``name=value``."""

    role: str | None
    setting: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseProperties:
    """What no dump of a single database carries (reference/postgres.md §1, rule 9).

    ``locale_provider`` is ``libc``, ``icu`` or ``builtin``; ``locale`` is that provider's. Backups
    made before it was recorded say of no database that ``is_template``.
    """

    name: str
    owner: str
    encoding: str
    locale_provider: str
    collate: str
    ctype: str
    locale: str | None
    icu_rules: str | None
    collation_version: str | None
    tablespace: str
    acl: tuple[str, ...] | None
    connection_limit: int
    comment: str | None
    settings: tuple[DatabaseSetting, ...]
    is_template: bool = False


WITHOUT_ROWS = "table data"
"""The kind of what is left out of a table that comes back without the rows that it had."""

INVALID_INDEX = "invalid index"
"""The kind of an index that is left out because no query uses it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """Something of the database that the backup does not hold, and why. Shown, never silent."""

    kind: str
    name: str
    reason: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}: {self.reason}"


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineEnd:
    """A timeline that a server left, and the position in the log where it did (bytes)."""

    timeline: int
    position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WalPosition:
    """Where a server stood in its write-ahead log, right after the snapshot; positions in bytes.

    ``position``: what a primary had flushed, or a standby replayed. Whatever follows the source in
    a failover that loses nothing has at least that. ``timeline`` is None where a standby does not
    show it. ``recovered_to`` is where the last recovery of a primary ended since its start: at a
    promotion or a crash; None if it started orderly. ``history`` are the timelines that led to its
    own, oldest first; None if the role may not read them. ``replayed_until`` is when the last
    transaction that a standby replayed was committed.
    """

    position: int
    timeline: int | None = None
    recovered_to: int | None = None
    history: tuple[TimelineEnd, ...] | None = None
    replayed_until: datetime | None = None


_POSITION = re.compile("(0|[1-9A-F][0-9A-F]{0,7})/(0|[1-9A-F][0-9A-F]{0,7})")


def position_text(position: int) -> str:
    """Return a position in the log as PostgreSQL writes it (``16/B374D848``)."""
    return f"{position >> 32:X}/{position & 0xFFFFFFFF:X}"


def position_of(text: str) -> int:
    """Return the position in bytes; raises ValueError if the text is none that PostgreSQL writes."""
    match = _POSITION.fullmatch(text)
    if match is None:
        raise ValueError(f"no position in a write-ahead log: {text!r}")
    return (int(match[1], 16) << 32) + int(match[2], 16)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerIdentity:
    """Which server and database the rows came from.

    ``wal`` is None in backups made before it was recorded, and where the server does not say.
    """

    system_identifier: str
    database_oid: int
    version: str
    version_number: int
    in_recovery: bool
    wal: WalPosition | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceContents:
    """What one snapshot holds, before any chunk is read.

    ``ranges`` has, per table in the same order as ``tables``, the block ranges to read:
    contiguous from 0, the last open upwards. Large objects have ``large_object_ranges``.
    ``unpopulated`` are the materialized views that nobody has refreshed yet. ``types`` are those
    that users defined, and columns of the tables use. ``snapshot_at`` is a time of our clock, and
    ``server_ahead`` how much later the server's clock was then; None if it was not asked.
    ``cautions`` are, in words, what to know of this very backup or of a restore of it.
    ``partitions`` are those without rows here: partitioned themselves, or left out.
    """

    identity: ServerIdentity
    snapshot_at: datetime
    tables: tuple[Table, ...]
    ranges: tuple[tuple[BlockRange, ...], ...]
    large_objects: tuple[LargeObject, ...]
    large_object_ranges: tuple[LargeObjectRange, ...]
    properties: DatabaseProperties
    roles: tuple[Role, ...]
    left_out: tuple[LeftOut, ...]
    uncovered: tuple[TableName, ...]
    unpopulated: tuple[TableName, ...] = ()
    types: tuple[TypeDefinition, ...] = ()
    server_ahead: timedelta | None = None
    extensions: tuple[Extension, ...] = ()
    cautions: tuple[str, ...] = ()
    partitions: tuple[Partition, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Details:
    """Everything that ``details.json`` says about the inside of a backup.

    ``unpopulated`` are materialized views that had no rows at the source and get none. ``types``
    are those that users defined, and columns of the tables use, and ``extensions`` those that were
    installed; backups made before they were recorded have none. ``partitions`` are those that are
    not among ``tables``: partitioned themselves, or without rows here; in earlier backups the
    schema archive alone says so.
    """

    identity: ServerIdentity
    snapshot_at: datetime
    properties: DatabaseProperties
    tables: tuple[TableData, ...]
    large_objects: tuple[LargeObject, ...]
    large_object_chunks: tuple[Chunk, ...]
    sequences: tuple[SequenceState, ...]
    roles: tuple[Role, ...]
    left_out: tuple[LeftOut, ...]
    uncovered: tuple[TableName, ...]
    selection_include: tuple[str, ...]
    selection_exclude: tuple[str, ...]
    unpopulated: tuple[TableName, ...] = ()
    types: tuple[TypeDefinition, ...] = ()
    extensions: tuple[Extension, ...] = ()
    partitions: tuple[Partition, ...] = ()

    @property
    def rows(self) -> int:
        """How many rows all tables had together."""
        return sum(data.rows for data in self.tables)

    @property
    def parents(self) -> Mapping[TableName, TableName]:
        """What is directly above each partition."""
        return parents_of((data.table for data in self.tables), self.partitions)

    @property
    def absent(self) -> tuple[LeftOut, ...]:
        """What the database had and the backup has not: left out, or named by no pattern."""
        reason = "no pattern of the policy names the table"
        return self.left_out + tuple(
            LeftOut(kind=WITHOUT_ROWS, name=str(name), reason=reason) for name in self.uncovered
        )

    @property
    def chunks(self) -> tuple[Chunk, ...]:
        """Every chunk: those of the tables in order, then those of the large objects."""
        of_tables = (chunk for data in self.tables for chunk in data.chunks)
        return (*of_tables, *self.large_object_chunks)


class EntryClass(Enum):
    """Whether an entry of the schema archive must be restored, or may be left out visibly."""

    REQUIRED = "required"
    ACCESSORY = "accessory"


@dataclass(frozen=True, slots=True, kw_only=True)
class SkippedEntry:
    """An accessory entry that a restore could not recreate, and the server's words."""

    kind: str
    name: str
    reason: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}: {self.reason}"
