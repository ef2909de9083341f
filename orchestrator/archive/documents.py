"""Canonical JSON: the one form in which every document of the archive is written.

Keys sorted, one entry to a line, indented by one space a level, ASCII only, no floating-point
numbers, a newline at the end. One value has exactly one form, so a reader that writes again what
it understood, and compares, finds every changed bit; and people read it as it is.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NoReturn, TypeAlias

JsonValue: TypeAlias = "bool | int | str | list[JsonValue] | dict[str, JsonValue] | None"


class DocumentError(ValueError):
    """A document is damaged, or not in the form that its format asks for."""


class NewerDocumentError(DocumentError):
    """A document was written by a newer version of this program."""


def encode_document(document: Mapping[str, JsonValue]) -> bytes:
    """Given a document, return its only form as bytes.

    Lone surrogates (bytes that are no UTF-8 in names of SQL_ASCII databases) are escaped like any
    other character beyond ASCII, and come back.
    """
    text = json.dumps(document, indent=1, sort_keys=True, ensure_ascii=True, allow_nan=False)
    return text.encode("ascii") + b"\n"


def parse_document(data: bytes, *, format_name: str, version: int) -> dict[str, JsonValue]:
    """Given the bytes of a document, return what it says if it has this format and version.

    Raises:
        NewerDocumentError: its version is higher.
        DocumentError: it is not a JSON object, has duplicate keys or floating-point numbers, or
            is of another format.
    """
    document = _parse_json(data)
    if not isinstance(document, dict):
        raise DocumentError("it is not a JSON object")
    if document.get("format") != format_name:
        raise DocumentError(f"its format is not {format_name}")
    found = document.get("version")
    if not isinstance(found, int) or isinstance(found, bool):
        raise DocumentError("its version is not a number")
    if found > version:
        raise NewerDocumentError(f"it has version {found} of {format_name}, known is {version}")
    if found != version:
        raise DocumentError(f"it has version {found} of {format_name}, which never existed")
    return document


def format_moment(moment: datetime) -> str:
    """Given an aware time, return it in UTC as ``2026-11-22T02:00:00.000000Z``."""
    if moment.tzinfo is None:
        raise ValueError(f"a time without a time zone: {moment}")
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def _parse_json(data: bytes) -> JsonValue:
    try:
        value: JsonValue = json.loads(
            data.decode("ascii"),
            object_pairs_hook=_without_duplicates,
            parse_float=_refuse_number,
            parse_constant=_refuse_number,
        )
    except DocumentError:
        raise
    except (ValueError, RecursionError) as error:
        raise DocumentError("it is not JSON in ASCII") from error
    return value


def _without_duplicates(pairs: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise DocumentError("it has a key twice")
    return found


def _refuse_number(text: str) -> NoReturn:
    raise DocumentError(f"{text[:20]} is not a whole number")
