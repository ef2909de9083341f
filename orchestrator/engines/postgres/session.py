"""Connections to PostgreSQL with pinned settings, and what their errors mean to us.

Everything that changes how values are written as text, what rows are seen, or when a session may
be ended is set on every connection (reference/postgres.md §1, rule 6): a role or a database may
carry other defaults.
"""

import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import TypeVar

import psycopg
from psycopg import conninfo
from psycopg.abc import PQGen
from typing_extensions import override

from orchestrator.engines.postgres.children import forget_libpq_variables
from orchestrator.engines.postgres.pooler import refuse_transaction_pooler
from orchestrator.errors import (
    AuthenticationFailedError,
    CapacityError,
    DatabaseMissingError,
    LockTimeoutError,
    MissingPrivilegeError,
    OrchestratorError,
    SourceError,
    SourceUnreachableError,
    StalledError,
    TlsError,
)
from orchestrator.model.secret import Secret

CONNECT_TIMEOUT_SECONDS = 15
_PATIENCE_WITH_POOLERS = timedelta(seconds=10)

# Names and statements travel as UTF-8; rows travel in the server's own encoding, because each COPY
# names it. An SQL_ASCII database has no encoding to convert from, so its bytes pass unchanged.
CLIENT_ENCODING = "UTF8"

# Without it, the session of a client that was killed while it waited for a lock or built an index
# goes on to the end of the statement (reference/faults.md M10). Client programs get it as an option
# of their connection, our own sessions as a setting.
NOTICE_DEAD_CLIENTS = "-c client_connection_check_interval=2s"

# pg_dump writes literals as this setting of its session wants them, and whoever runs single
# definitions of the archive does it in a session where it is on.
STANDARD_STRINGS = "-c standard_conforming_strings=on"

# Unlike the password, nothing but the connection string carries these to psql and pg_dump.
_SECRETS_WITHOUT_FILE = frozenset(
    {"sslpassword", "oauth_client_secret", "scram_client_key", "scram_server_key"}
)

_PINNED = {
    "row_security": "off",
    "search_path": "",
    "datestyle": "ISO, YMD",
    "intervalstyle": "postgres",
    "timezone": "UTC",
    "extra_float_digits": "3",
    "bytea_output": "hex",
    "lc_monetary": "C",
    "xmloption": "content",
    "array_nulls": "on",
    "standard_conforming_strings": "on",
    "synchronize_seqscans": "off",
    "enable_tidscan": "on",
    "statement_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "idle_session_timeout": "0",
    "client_connection_check_interval": "2s",
}


Result = TypeVar("Result")


class ImpatientConnection(psycopg.Connection[tuple[object, ...]]):
    """Gives up when the server sends nothing for ``patience``; the connection is closed then.

    The kernel of a frozen peer keeps acknowledging, so no TCP option ends that wait
    (reference/faults.md M11, F31). A statement that may take longer has ``is_at_work``, which asks in
    another way whether the server works on it: as long as it does, patience begins anew.
    """

    patience: timedelta | None = None
    is_at_work: Callable[[], bool] | None = None

    @override
    def wait(
        self, gen: PQGen[Result], interval: float = 0.1, timeout: float | None = None
    ) -> Result:
        try:
            return super().wait(_impatient(gen, self.patience, self.is_at_work), interval, timeout)
        except StalledError:
            self.pgconn.finish()
            raise


def _impatient(
    gen: PQGen[Result], patience: timedelta | None, is_at_work: Callable[[], bool] | None
) -> PQGen[Result]:
    heard_at = time.monotonic()
    try:
        wanted = next(gen)
        while True:
            ready = yield wanted
            if ready:
                heard_at = time.monotonic()
            elif patience and time.monotonic() - heard_at > patience.total_seconds():
                if is_at_work is not None and is_at_work():
                    heard_at = time.monotonic()
                    continue
                raise StalledError(
                    f"the server sent nothing for {patience.total_seconds():g} s",
                    next_step="see whether server and network answer, or raise source.stall_timeout",
                )
            wanted = gen.send(ready)
    except StopIteration as end:
        result: Result = end.value
        return result


def pinned_settings(
    server_version: int, *, lock_timeout: timedelta = timedelta(0)
) -> tuple[str, ...]:
    """Return the SET statements that pin a session, for a server version such as 170010.

    ``lock_timeout`` zero waits without end.
    """
    settings = dict(_PINNED)
    if server_version >= 170000:  # noqa: PLR2004 - the version in which transaction_timeout came
        settings["transaction_timeout"] = "0"
    settings["lock_timeout"] = f"{int(lock_timeout.total_seconds() * 1000)}ms"
    return tuple(f"SET {name} = '{value}'" for name, value in settings.items())


def connection_parameters(
    url: Secret, *, database: str | None, application_name: str
) -> dict[str, str]:
    """Given a libpq URL or conninfo, return its parameters as a mapping, for one database.

    A database name is data, whatever it looks like: ``host=evil`` stays a name.

    Raises:
        SourceError: the URL cannot be parsed; the message does not repeat it.
    """
    try:
        parsed = conninfo.conninfo_to_dict(url.reveal())
    except psycopg.ProgrammingError as error:
        # The library's message quotes the text it could not parse, password included.
        message = f"the connection URL from {url.origin} cannot be parsed"
        raise SourceError(message, next_step="write it as postgresql://user@host:5432/db") from (
            type(error)("not a connection URL")
        )
    parameters = {name: str(value) for name, value in parsed.items() if value is not None}
    for name in _SECRETS_WITHOUT_FILE & parameters.keys():
        raise SourceError(
            f"the connection URL from {url.origin} holds {name}, which PostgreSQL's client programs"
            " could only be given in their arguments, where everybody can read it",
            next_step="use a key without a passphrase in a file that only this user can read",
        )
    if database is not None:
        parameters["dbname"] = database
    parameters.setdefault("connect_timeout", str(CONNECT_TIMEOUT_SECONDS))
    parameters["application_name"] = application_name
    parameters["client_encoding"] = CLIENT_ENCODING
    # An empty value keeps PGOPTIONS of our own environment out; what the URL says stays.
    parameters.setdefault("options", "")
    return parameters


def quote_conninfo(settings: Mapping[str, str]) -> str:
    """Return a connection string in which every value is data, whatever it looks like.

    ``{"dbname": "host=evil"}`` becomes ``dbname=host=evil``, which names a database. Passwords do
    not belong here: the result is meant for an argument list, which everybody on the machine can
    read.

    Raises:
        ValueError: a password was given.
    """
    if "password" in settings:
        raise ValueError("a password must not become an argument: use private_passfile")
    return conninfo.make_conninfo(**settings)


def connect(
    url: Secret,
    *,
    database: str | None,
    application_name: str,
    lock_timeout: timedelta = timedelta(0),
    patience: timedelta | None = None,
) -> psycopg.Connection[tuple[object, ...]]:
    """Open a pinned connection in autocommit mode; ``database`` None takes the URL's.

    With ``patience``, a server that sends nothing for so long ends the session with StalledError.

    Raises:
        SourceUnreachableError, AuthenticationFailedError, DatabaseMissingError: by cause.
        PoolerError: a pooler in transaction mode lies in between; nothing was set in its sessions.
    """
    parameters = connection_parameters(url, database=database, application_name=application_name)
    forget_libpq_variables()
    with translated_errors(describe_server(parameters)):
        connection = _open_unpinned(parameters)
        try:
            refuse_transaction_pooler(connection, lambda: _open_unpinned(parameters))
            connection.patience = patience
            version = connection.info.server_version
            statements = pinned_settings(version, lock_timeout=lock_timeout)
            connection.execute("; ".join(statements).encode())
        except BaseException:
            connection.close()
            raise
    return connection


def _open_unpinned(parameters: dict[str, str]) -> ImpatientConnection:
    connection = ImpatientConnection.connect(
        conninfo.make_conninfo("", **parameters), autocommit=True, prepare_threshold=None
    )
    connection.patience = _PATIENCE_WITH_POOLERS
    return connection


def describe_server(parameters: dict[str, str]) -> str:
    """Return words for a server and database that are safe to show: no password."""
    host = parameters.get("host", "the local socket")
    port = parameters.get("port", "5432")
    return f"database {parameters.get('dbname', '(default)')!r} at {host}:{port}"


@contextmanager
def translated_errors(subject: str) -> Iterator[None]:
    """Turn psycopg's exceptions into ours, once; ``subject`` says what was being worked on."""
    try:
        yield
    except OrchestratorError:
        raise
    except psycopg.Error as error:
        raise translate(error, subject) from error


def translate(error: psycopg.Error, subject: str) -> SourceError:
    """Given an exception of psycopg, return ours: class by cause, with what to do next."""
    if error.sqlstate is None:
        return _translate_connection_failure(str(error), subject)
    words = f"{subject}: {first_line(str(error))} (SQLSTATE {error.sqlstate})"
    if error.sqlstate in {"55P03", "40P01"}:
        return LockTimeoutError(
            words,
            next_step="wait for the session that holds the lock, or raise source.lock_timeout",
        )
    if error.sqlstate == "42501":
        return MissingPrivilegeError(words, next_step="grant the privilege and run it again")
    if error.sqlstate[:2] in {"08", "57"}:
        return SourceUnreachableError(
            words, next_step="see the server's log; the next pass tries again"
        )
    return SourceError(words, next_step="see the server's log for the statement and its context")


def first_line(message: str) -> str:
    """Return the first line of a server message, without the place in our own statement."""
    return message.strip().splitlines()[0] if message.strip() else "no message"


# libpq gives no SQLSTATE for a failed connection, only the server's text (psycopg 3.3.9).
_REFUSED_LOGIN = re.compile(
    r"authentication failed|no password supplied|no pg_hba\.conf entry|role .* does not exist"
    r"|not permitted to log in|permission denied for database",
    re.DOTALL,
)
_NO_DATABASE = re.compile(r"database .* does not exist", re.DOTALL)

_FULL = re.compile(r"too many clients|too many connections|remaining connection slots", re.DOTALL)
_TLS = re.compile(
    r"SSL error|does not support SSL|(server|root|client) certificate|certificate file"
    r"|private key file|SSL connection is required",
    re.DOTALL,
)


def find_lack_of_connections(message: str, subject: str) -> CapacityError | None:
    """Given what libpq or a client program says, return the error if no connection was left."""
    if _FULL.search(message) is None:
        return None
    return CapacityError(
        f"{subject} takes no more connections: {_reason(message)}",
        next_step="end idle sessions, or raise max_connections or the limit of the role or"
        " database; a backup needs five sessions. The next pass tries again",
    )


def _reason(message: str) -> str:
    # The reason follows the last "failed: "; what stands before repeats host and port.
    return first_line(message.rsplit("failed: ", maxsplit=1)[-1]).removeprefix("FATAL:").strip()


def _translate_connection_failure(message: str, subject: str) -> SourceError:
    reason = _reason(message)
    if _REFUSED_LOGIN.search(message):
        return AuthenticationFailedError(
            f"{subject}: the server refused the login: {reason}",
            next_step="check user and password of the URL, and pg_hba.conf of the server",
        )
    if _NO_DATABASE.search(message):
        return DatabaseMissingError(
            f"{subject}: {reason}",
            next_step="correct the database in the policy, or create it",
        )
    if (full := find_lack_of_connections(message, subject)) is not None:
        return full
    if _TLS.search(message):
        return TlsError(
            f"{subject}: no encrypted connection could be made: {reason}",
            next_step="see how long the certificates of server and client are valid, and what"
            " sslmode and sslrootcert of the URL ask for",
        )
    return SourceUnreachableError(
        f"{subject} cannot be reached: {reason}",
        next_step="start the server, or correct host and port of the URL; the next pass tries again",
    )
