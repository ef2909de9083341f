"""What a PostgreSQL connection string says, as libpq reads it, without connecting.

No message shows any part of it: it usually carries a password.
"""

import re
from collections.abc import Mapping
from urllib.parse import unquote

SCHEMES = ("postgresql://", "postgres://")
URI = re.compile(r"(?P<authority>[^/?]*)(/(?P<database>[^?]*))?(\?(?P<query>.*))?", re.DOTALL)
SETTING = re.compile(
    r"\s*(?P<key>[A-Za-z_]+)\s*=\s*('(?P<quoted>(?:[^'\\]|\\.)*)'|(?P<bare>(?:[^\s'\\]|\\.)*))(?=\s|$)",
    re.DOTALL,
)


class ConnectionStringError(ValueError):
    """This is no connection string; the text says why, without showing it."""


def default_database(connection: str) -> str | None:
    """Return the database that libpq would connect to: the one named, or the user's; or None.

    Raises:
        ConnectionStringError: libpq would not understand it either.
    """
    settings = _settings(connection)
    return settings.get("dbname") or settings.get("user") or None


def _settings(connection: str) -> Mapping[str, str]:
    for scheme in SCHEMES:
        if connection.startswith(scheme):
            return _of_uri(connection.removeprefix(scheme))
    if "://" in connection.partition("=")[0]:
        raise ConnectionStringError("is not the URL of a PostgreSQL server")
    return _of_settings(connection)


def _of_uri(rest: str) -> dict[str, str]:
    found = URI.fullmatch(rest)
    if found is None:
        raise ConnectionStringError("is not a URL that can be read")
    user_info, at, _ = found["authority"].partition("@")
    settings = {
        "user": unquote(user_info.partition(":")[0]) if at else "",
        "dbname": unquote(found["database"] or ""),
    }
    for pair in (found["query"] or "").split("&"):
        key, _, value = pair.partition("=")
        settings[unquote(key)] = unquote(value)
    return settings


def _of_settings(connection: str) -> dict[str, str]:
    settings: dict[str, str] = {}
    position = 0
    while connection[position:].strip():
        found = SETTING.match(connection, position)
        if found is None:
            raise ConnectionStringError("is neither a PostgreSQL URL nor `key=value` settings")
        raw = found["quoted"] if found["quoted"] is not None else found["bare"]
        settings[found["key"]] = re.sub(r"\\(.)", r"\1", raw, flags=re.DOTALL)
        position = found.end()
    return settings
