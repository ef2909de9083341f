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

UNENCODED = re.compile(r"[\s#]|%(?![0-9A-Fa-f]{2})")
LARGEST_PORT = 65535

# The keywords of libpq 18 (its manual, "Parameter Key Words").
PARAMETERS = frozenset(
    {
        *("host", "hostaddr", "port", "dbname", "user", "password", "passfile", "require_auth"),
        *("channel_binding", "connect_timeout", "client_encoding", "options", "application_name"),
        *("fallback_application_name", "keepalives", "keepalives_idle", "keepalives_interval"),
        *("keepalives_count", "tcp_user_timeout", "replication", "gssencmode", "sslmode"),
        *("requiressl", "sslnegotiation", "sslcompression", "sslcert", "sslkey", "sslkeylogfile"),
        *("sslpassword", "sslcertmode", "sslrootcert", "sslcrl", "sslcrldir", "sslsni", "ssl"),
        *("requirepeer", "ssl_min_protocol_version", "ssl_max_protocol_version"),
        *("min_protocol_version", "max_protocol_version", "krbsrvname", "gsslib"),
        *("gssdelegation", "scram_client_key", "scram_server_key", "service", "servicefile"),
        *("target_session_attrs", "load_balance_hosts", "oauth_issuer", "oauth_client_id"),
        *("oauth_client_secret", "oauth_scope"),
    }
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
    _require_encoded(rest)
    user_info, at, hosts = found["authority"].rpartition("@")
    _require_ports(hosts)
    settings = {
        "user": unquote(user_info.partition(":")[0]) if at else "",
        "dbname": unquote(found["database"] or ""),
    }
    for pair in (found["query"] or "").split("&"):
        key, _, value = pair.partition("=")
        if key and unquote(key) not in PARAMETERS:
            raise ConnectionStringError("has a parameter after `?` that PostgreSQL does not know")
        settings[unquote(key)] = unquote(value)
    return settings


def _require_encoded(rest: str) -> None:
    # A password with such a character, written as it is, moves the borders of the parts: what
    # libpq then takes for a host or a database would be shown in messages.
    before_query = rest.partition("?")[0]
    is_split_by_password = before_query.count("@") > 1 or "@" in before_query.partition("/")[2]
    if is_split_by_password or UNENCODED.search(rest):
        raise ConnectionStringError(
            "has a special character that is not encoded: write / as %2F, @ as %40, # as %23,"
            " % as %25 and a space as %20"
        )


def _require_ports(hosts: str) -> None:
    for host in hosts.split(","):
        port = host.rpartition("]")[2].partition(":")[2]
        if port and not (port.isdecimal() and 0 < int(port) <= LARGEST_PORT):
            raise ConnectionStringError("has a port that is not a number from 1 to 65535")


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
