"""Which one thing an error is about, so that what breaks many series is one incident.

Errors of a destination are the destination's, whoever met them; so are those of a server that every
database of it would meet: it cannot be reached, refuses the login or the encryption, is full, lags
behind its primary, or has no matching client programs. All others belong to their series.
"""

import re
from urllib.parse import parse_qs, unquote, urlsplit

from orchestrator.errors import (
    AuthenticationFailedError,
    BackupNotFoundError,
    CapacityError,
    CatalogError,
    CatalogFullError,
    CatalogUnreachableError,
    CatalogVersionError,
    ClientProgramError,
    DamagedBackupError,
    DestinationError,
    DestinationFullError,
    DestinationPermissionError,
    DestinationUnreachableError,
    ForeignDestinationError,
    InvalidPolicyError,
    NotSupportedYetError,
    ObjectKeptError,
    OrchestratorError,
    PoolerError,
    RenameRefusedError,
    SourceError,
    SourceUnreachableError,
    StandbyBehindError,
    TlsError,
    UnknownBackupsError,
    UnreadableManifestError,
    UnsupportedServerError,
    UsageError,
)
from orchestrator.model.alert import Cause
from orchestrator.model.names import Series
from orchestrator.model.policy import Event, Policy
from orchestrator.model.run import ErrorReport

SCHEDULES = "the schedules"
"""What missed backups are about, if nothing else explains them: the loop was down, or is late."""

PRUNING = "pruning"
POLICY_FILES = "the policy files"
CATALOG = "the catalog"


def _codes(*kinds: type[OrchestratorError]) -> frozenset[str]:
    return frozenset(kind.code for kind in kinds)


DAMAGED = _codes(DamagedBackupError, UnreadableManifestError)

OF_USER = _codes(
    UsageError, NotSupportedYetError, InvalidPolicyError, RenameRefusedError, BackupNotFoundError
)
"""What only another text of the policy, or of the command, can mend."""

_OF_SERVER = _codes(
    SourceError,
    SourceUnreachableError,
    AuthenticationFailedError,
    ClientProgramError,
    UnsupportedServerError,
    PoolerError,
    StandbyBehindError,
    CapacityError,
    TlsError,
)
_OF_DESTINATION = _codes(
    DestinationError,
    DestinationUnreachableError,
    DestinationFullError,
    ForeignDestinationError,
    UnknownBackupsError,
    DestinationPermissionError,
    ObjectKeptError,
)
_OF_CATALOG = _codes(CatalogError, CatalogUnreachableError, CatalogVersionError, CatalogFullError)
_DEFAULT_PORT = 5432
_SOCKET = "the local socket"
_SERVER = re.compile(
    rf"database (?:'[^']*'|\"[^\"]*\") at (?P<host>{_SOCKET}|\S+):(?P<port>\d+)(?=[ :]|$)"
)
_DESTINATION = re.compile(r"\bdestination '([^']+)'")
_HOST = re.compile(r"\bhost\s*=\s*'?([^'\s]+)")
_PORT = re.compile(r"\bport\s*=\s*'?(\d+)")


def cause_of_failure(error: ErrorReport, series: Series, policy: Policy) -> Cause:
    """Return what a failure of a series is about: a destination, its server, the catalog, or itself.

    Where the error says which server or destination it met, that counts: the policy may name
    another by now, and nothing is known of that one.
    """
    if error.code in _OF_SERVER:
        return Cause(Event.FAILED, _server_met(error, series) or server_of(policy))
    if error.code in _OF_DESTINATION:
        met = dict.fromkeys(_DESTINATION.findall(error.what))
        named = [place for place in policy.destinations if place in met]
        places = named or list(met) or policy.destinations
        if len(places) == 1:
            return Cause(Event.FAILED, f"destination {places[0]}")
    if error.code in _OF_CATALOG:
        return Cause(Event.FAILED, CATALOG)
    return Cause(Event.FAILED, str(series))


def _server_met(error: ErrorReport, series: Series) -> str | None:
    met = _SERVER.match(error.what.removeprefix(f"{series}: "))
    if met is None:
        return None
    host = f"[{met['host']}]" if ":" in met["host"] else met["host"]
    return _name_server("" if host == _SOCKET else host, met["port"])


def server_of(policy: Policy) -> str:
    """``server db:5432``: where a policy's databases are, without anything secret of its URL."""
    url = policy.source.url.reveal()
    if "://" not in url:
        host, port = _HOST.search(url), _PORT.search(url)
        return _name_server(host[1] if host else "", port[1] if port else "")
    _, _, authority = urlsplit(url).netloc.rpartition("@")
    asked = parse_qs(urlsplit(url).query)
    host_of_url, _, port_of_url = authority.rpartition(":")
    if not port_of_url.isdecimal():
        host_of_url, port_of_url = authority, ""
    return _name_server(
        unquote(host_of_url) or "".join(asked.get("host", [])),
        port_of_url or "".join(asked.get("port", [])),
    )


def _name_server(host: str, port: str) -> str:
    return f"server {host or 'on the local socket'}:{port or _DEFAULT_PORT}"
