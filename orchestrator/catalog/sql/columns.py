"""Column types that let only aware UTC times, known enum values and storable text through."""

from collections.abc import Callable
from datetime import UTC, datetime
from enum import Enum
from typing import Any

from sqlalchemy import BigInteger, DateTime, Dialect, Integer, String
from sqlalchemy.types import TypeDecorator, TypeEngine
from typing_extensions import override

GROWING_NUMBER = BigInteger().with_variant(Integer, "sqlite")
"""SQLite numbers rows by itself only in a column of exactly the type INTEGER."""

_Impl = TypeEngine[Any] | type[TypeEngine[Any]]
_Processor = Callable[[Any], Any]
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def require_utc(moment: datetime) -> datetime:
    """Given an aware time, return the same instant in UTC.

    Raises:
        ValueError: the time is naive, so nobody knows which instant is meant.
    """
    if moment.tzinfo is None or moment.utcoffset() is None:
        raise ValueError(f"a naive time cannot be recorded: {moment.isoformat()}")
    return moment.astimezone(UTC)


class UtcTime(TypeDecorator[datetime]):
    """An instant with microseconds, sortable in SQL; SQLite holds it as text in UTC."""

    impl: _Impl = DateTime(timezone=True)
    cache_ok: bool | None = True

    @override
    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else require_utc(value)

    @override
    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.astimezone(UTC)

    @override
    def result_processor(self, dialect: Dialect, coltype: object) -> _Processor | None:
        # A catalog of SQLite may have millions of these: one step for each.
        if dialect.name == "sqlite":
            return _read_utc_text
        return super().result_processor(dialect, coltype)


def _read_utc_text(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(f"{value}+00:00")


class EnumText(TypeDecorator[Enum]):
    """A member of one enum, stored as its value, so that renaming a member changes nothing."""

    impl: _Impl = String
    cache_ok: bool | None = True

    def __init__(self, enum: type[Enum]) -> None:
        super().__init__()
        self.enum = enum
        self._members: dict[str, Enum] = {member.value: member for member in enum}

    @override
    def process_bind_param(self, value: Enum | None, dialect: Dialect) -> str | None:
        return None if value is None else str(self.enum(value).value)

    @override
    def process_result_value(self, value: str | None, dialect: Dialect) -> Enum | None:
        return None if value is None else self._members.get(value) or self.enum(value)


class FreeText(TypeDecorator[str]):
    """Text from outside, such as a server's words or a file's name.

    PostgreSQL refuses NUL, and no database takes lone surrogates (bytes of a file name that are
    not UTF-8). A failure whose words cannot be stored must still be recorded.
    """

    impl: _Impl = String
    cache_ok: bool | None = True

    @override
    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else storable(value)


def storable(text: str) -> str:
    """Given any text, return it with NUL and lone surrogates replaced by U+FFFD."""
    without_surrogates = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return without_surrogates.replace("\0", _REPLACEMENT)
