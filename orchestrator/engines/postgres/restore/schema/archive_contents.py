"""The table of contents of a schema archive (``pg_dump -Fc``), exactly as it was written.

``pg_restore --list`` replaces newlines in names and separates fields by spaces that names may
contain, too; here every field is read from the archive itself, so a name stays the name that it
is. The format: ``ReadHead`` and ``ReadToc`` of PostgreSQL's pg_backup_archiver.c, versions 1.14
(PostgreSQL 14 and 15), 1.15 (16) and 1.16 (17 and 18).
"""

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from typing_extensions import override

from orchestrator.errors import RestoreError

_OLDEST, _NEWEST = (1, 14), (1, 16)
_COMPRESSION_BY_NAME = (1, 15)
_RELATION_KIND = (1, 16)
_CUSTOM_FORMAT = 1
_TIME_FIELDS = 7
_ENCODING = re.compile(r"SET client_encoding = '([^']*)'")

# PostgreSQL's names of encodings that Python knows under another name.
_CODECS = {"UTF8": "utf-8", "SQL_ASCII": "utf-8", "WIN866": "cp866", "WIN874": "cp874"}


class Section(Enum):
    """Where pg_dump put an entry; the numbers are ``teSection`` of pg_backup.h."""

    NONE = 1
    PRE_DATA = 2
    DATA = 3
    POST_DATA = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveEntry:
    """One entry of the table of contents.

    ``kind`` is pg_dump's word (``TABLE``, ``FK CONSTRAINT``). ``name`` is its tag: for what belongs
    to a table, table and name joined by a space; for functions with the types of arguments.
    ``dependencies`` are the numbers of entries that it builds on, as far as the archive has them.
    ``definition`` and ``drop_statement`` are SQL in UTF-8, unless the database was SQL_ASCII.
    """

    dump_id: int
    kind: str
    schema: str | None
    name: str
    owner: str | None
    section: Section
    tablespace: str | None
    definition: bytes
    drop_statement: str
    dependencies: tuple[int, ...] = ()

    @override
    def __str__(self) -> str:
        return self.name if self.schema is None else f"{self.schema}.{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveContents:
    """What a schema archive holds, in the order in which pg_restore recreates it.

    ``dumped_by`` is the major version of the pg_dump that wrote it: no older pg_restore reads it.
    """

    dumped_by: int
    entries: tuple[ArchiveEntry, ...]


def read_archive_contents(archive: bytes) -> ArchiveContents:
    """Given a schema archive in custom format, return its table of contents.

    Raises:
        RestoreError: it is no such archive, it is cut off, or its format is newer than we know.
    """
    try:
        return _read(_Cursor(archive))
    except (IndexError, ValueError, LookupError) as error:
        raise RestoreError(
            f"the schema archive cannot be read: {error}",
            next_step="run `orchestrator verify --level objects` on this backup, or take another",
        ) from error


class _Cursor:
    """Reads the archive's primitive values one after the other."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0
        self.integer_bytes = 4
        self.offset_bytes = 8

    def take(self, count: int) -> bytes:
        if count < 0 or self._at + count > len(self._data):
            raise ValueError(f"it ends after {len(self._data)} bytes, in mid-entry")
        self._at += count
        return self._data[self._at - count : self._at]

    def byte(self) -> int:
        return self.take(1)[0]

    def integer(self) -> int:
        negative = self.byte()
        magnitude = int.from_bytes(self.take(self.integer_bytes), "little")
        return -magnitude if negative else magnitude

    def text(self) -> bytes | None:
        length = self.integer()
        return None if length < 0 else self.take(length)

    def texts(self, count: int) -> list[bytes | None]:
        return [self.text() for _ in range(count)]


@dataclass(frozen=True, slots=True, kw_only=True)
class _RawEntry:
    dump_id: int
    section: int
    # tag, kind, definition, drop statement, copy statement, schema, tablespace, access method
    texts: tuple[bytes | None, ...]
    owner: bytes | None
    dependencies: tuple[int, ...]


def _read(cursor: _Cursor) -> ArchiveContents:
    version = _read_version(cursor)
    dumped_by = _read_head(cursor, version)
    count = cursor.integer()
    raw = [_read_entry(cursor, version) for _ in range(count)]
    codec = _codec(raw)
    entries = tuple(_decode(entry, codec) for entry in raw)
    if len({entry.dump_id for entry in entries}) != count:
        raise ValueError("two entries carry the same number")
    return ArchiveContents(dumped_by=dumped_by, entries=entries)


def _read_version(cursor: _Cursor) -> tuple[int, int]:
    if cursor.take(5) != b"PGDMP":
        raise ValueError("it does not begin as an archive of pg_dump does")
    version = (cursor.byte(), cursor.byte())
    cursor.byte()  # the revision changes nothing in the format
    if not _OLDEST <= version <= _NEWEST:
        raise ValueError(f"its format {version[0]}.{version[1]} is not one of 1.14 to 1.16")
    return version


def _read_head(cursor: _Cursor, version: tuple[int, int]) -> int:
    cursor.integer_bytes, cursor.offset_bytes = cursor.byte(), cursor.byte()
    if cursor.byte() != _CUSTOM_FORMAT:
        raise ValueError("it is not in custom format")
    _ = cursor.byte() if version >= _COMPRESSION_BY_NAME else cursor.integer()
    for _ in range(_TIME_FIELDS):
        cursor.integer()
    _database, _server, program = cursor.texts(3)
    major = re.match(rb"\d+", program or b"")
    if major is None:
        raise ValueError("it does not say which pg_dump wrote it")
    return int(major[0])


def _read_entry(cursor: _Cursor, version: tuple[int, int]) -> _RawEntry:
    dump_id = cursor.integer()
    cursor.integer()  # whether it had a data dumper
    cursor.texts(2)  # catalog and object id at the source
    tag, kind = cursor.texts(2)
    section = cursor.integer()
    rest = cursor.texts(6)
    if version >= _RELATION_KIND:
        cursor.integer()
    owner, _with_oids = cursor.texts(2)
    dependencies = tuple(int(number) for number in _dependencies(cursor))
    cursor.take(1 + cursor.offset_bytes)
    return _RawEntry(
        dump_id=dump_id,
        section=section,
        texts=(tag, kind, *rest),
        owner=owner,
        dependencies=dependencies,
    )


def _dependencies(cursor: _Cursor) -> Iterator[bytes]:
    while (dependency := cursor.text()) is not None:
        yield dependency


def _codec(entries: list[_RawEntry]) -> str:
    for entry in entries:
        if entry.texts[1] == b"ENCODING":
            match = _ENCODING.search((entry.texts[2] or b"").decode("ascii"))
            if match:
                return codecs.lookup(_CODECS.get(match[1], match[1].replace("WIN", "cp"))).name
    raise ValueError("it does not say its encoding")


def _decode(entry: _RawEntry, codec: str) -> ArchiveEntry:
    def decoded(text: bytes | None) -> str:
        return (text or b"").decode(codec, "surrogateescape")

    tag, kind, definition, drop, _copy, schema, tablespace, _method = entry.texts
    return ArchiveEntry(
        dump_id=entry.dump_id,
        kind=decoded(kind),
        schema=decoded(schema) or None,
        name=decoded(tag),
        owner=decoded(entry.owner) or None,
        section=Section(entry.section),
        tablespace=decoded(tablespace) or None,
        definition=decoded(definition).encode("utf-8", "surrogateescape"),
        drop_statement=decoded(drop),
        dependencies=entry.dependencies,
    )
