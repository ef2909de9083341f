"""Reading the parts of a document with the types that its format promises."""

import re
from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from typing import TypeVar

from orchestrator.archive.documents import DocumentError, JsonValue
from orchestrator.model.names import BACKUP_ID_PATTERN

_Choice = TypeVar("_Choice", bound=Enum)

_DIGEST = re.compile(r"[0-9a-f]{64}")


class Fields:
    """One JSON object; every method raises `DocumentError` if the field is not what it asks for.

    ``where`` is the place of the object in its document, for messages.
    """

    def __init__(self, values: Mapping[str, JsonValue], where: str = "") -> None:
        self._values = values
        self._where = where

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all fields."""
        return tuple(self._values)

    def is_null(self, name: str) -> bool:
        """Whether the field is null."""
        return self._value(name) is None

    def text(self, name: str) -> str:
        """Return a text."""
        return self._as_text(self._value(name), name)

    def optional_text(self, name: str) -> str | None:
        """Return a text, or None for null."""
        return None if self._value(name) is None else self.text(name)

    def number(self, name: str) -> int:
        """Return a whole number."""
        return self._as_number(self._value(name), name)

    def size(self, name: str) -> int:
        """Return a whole number that is not negative."""
        number = self.number(name)
        if number < 0:
            raise self._wrong(name, "is negative")
        return number

    def optional_size(self, name: str) -> int | None:
        """Return a whole number that is not negative, or None for null."""
        return None if self._value(name) is None else self.size(name)

    def flag(self, name: str) -> bool:
        """Return true or false."""
        return self._as_flag(self._value(name), name)

    def moment(self, name: str) -> datetime:
        """Return an aware UTC time."""
        try:
            moment = datetime.fromisoformat(self.text(name))
        except ValueError as error:
            raise self._wrong(name, "is not a time") from error
        if moment.tzinfo is None:
            raise self._wrong(name, "is a time without a time zone")
        return moment

    def digest(self, name: str) -> str:
        """Return a SHA-256 in 64 hexadecimal digits."""
        text = self.text(name)
        if not _DIGEST.fullmatch(text):
            raise self._wrong(name, "is not a SHA-256")
        return text

    def optional_digest(self, name: str) -> str | None:
        """Return a SHA-256 in 64 hexadecimal digits, or None for null."""
        return None if self._value(name) is None else self.digest(name)

    def identifier(self, name: str) -> str:
        """Return a text in the form of backup and run ids."""
        text = self.text(name)
        if not (text.isascii() and BACKUP_ID_PATTERN.fullmatch(text)):
            raise self._wrong(name, "is not an id")
        return text

    def choice(self, name: str, choices: type[_Choice]) -> _Choice:
        """Return the member of an enumeration of texts."""
        try:
            return choices(self.text(name))
        except ValueError as error:
            raise self._wrong(name, "is none of the allowed words") from error

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a list of texts."""
        return tuple(self._as_text(item, name) for item in self._list(name))

    def optional_texts(self, name: str) -> tuple[str, ...] | None:
        """Return a list of texts, or None for null."""
        return None if self._value(name) is None else self.texts(name)

    def sizes(self, name: str) -> dict[str, int]:
        """Return an object whose values are whole numbers that are not negative."""
        record = self.record(name)
        return {key: record.size(key) for key in record.names}

    def flags(self, name: str) -> dict[str, bool]:
        """Return an object whose values are true or false."""
        record = self.record(name)
        return {key: record.flag(key) for key in record.names}

    def record(self, name: str) -> "Fields":
        """Return an object."""
        return self._as_record(self._value(name), name)

    def optional_record(self, name: str) -> "Fields | None":
        """Return an object, or None for null."""
        return None if self._value(name) is None else self.record(name)

    def records(self, name: str) -> tuple["Fields", ...]:
        """Return a list of objects."""
        return tuple(
            self._as_record(item, f"{name}[{position}]")
            for position, item in enumerate(self._list(name))
        )

    def _value(self, name: str) -> JsonValue:
        if name not in self._values:
            raise self._wrong(name, "is missing")
        return self._values[name]

    def _list(self, name: str) -> list[JsonValue]:
        value = self._value(name)
        if not isinstance(value, list):
            raise self._wrong(name, "is not a list")
        return value

    def _as_text(self, value: JsonValue, name: str) -> str:
        if not isinstance(value, str):
            raise self._wrong(name, "is not a text")
        return value

    def _as_number(self, value: JsonValue, name: str) -> int:
        if not isinstance(value, int) or isinstance(value, bool):
            raise self._wrong(name, "is not a number")
        return value

    def _as_flag(self, value: JsonValue, name: str) -> bool:
        if not isinstance(value, bool):
            raise self._wrong(name, "is neither true nor false")
        return value

    def _as_record(self, value: JsonValue, name: str) -> "Fields":
        if not isinstance(value, dict):
            raise self._wrong(name, "is not an object")
        return Fields(value, self._place(name))

    def _place(self, name: str) -> str:
        return f"{self._where}.{name}" if self._where else name

    def _wrong(self, name: str, what: str) -> DocumentError:
        return DocumentError(f"{self._place(name)} {what}")
