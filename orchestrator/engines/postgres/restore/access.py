"""How a restore reaches the target: one URL for sessions and client programs, and its errors.

Settings that the restored database carries for its users (``ALTER DATABASE … SET``) hold for every
new session, ours included; what would get into our way is overridden as an option of the
connection, which counts more.

Nothing may wait for ever: a server or network that froze is noticed after ``stall_timeout``, however
long a statement may take that is still being worked on. Silence alone does not tell the two apart,
so another session asks.
"""

import shlex
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

import psycopg
from psycopg import conninfo

from orchestrator.engines.postgres.children import libpq_environment, private_passfile
from orchestrator.engines.postgres.identifiers import quote_identifier
from orchestrator.engines.postgres.session import (
    CONNECT_TIMEOUT_SECONDS,
    NOTICE_DEAD_CLIENTS,
    ImpatientConnection,
    connect,
    connection_parameters,
    first_line,
    quote_conninfo,
    translate,
)
from orchestrator.errors import (
    CapacityError,
    DatabaseMissingError,
    OrchestratorError,
    RestoreError,
    SourceUnreachableError,
)
from orchestrator.model.secret import Secret

Connection = psycopg.Connection[tuple[object, ...]]

# Nothing is durable, nor needs to be, until the final name is given: that commit waits for the
# write-ahead log of everything before it.
_OVERRIDDEN = (
    f"-c synchronous_commit=off -c default_transaction_read_only=off {NOTICE_DEAD_CLIENTS}"
)
_MAINTENANCE_DATABASE = "postgres"
STALL_TIMEOUT = timedelta(minutes=2)
"""How long a server may be silent, where no policy says it (design §3)."""

# For a peer that is gone: a network that swallows packets, a machine without power.
_NOTICE_DEAD_PEERS = {
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "60000",
}
_AT_WORK = """
SELECT a.state = 'active' AND a.wait_event_type IS DISTINCT FROM 'Client'
FROM pg_catalog.pg_stat_activity a WHERE a.pid = %s
"""
_END = "SELECT pg_catalog.pg_terminate_backend(%s)"
# Shortage, operators, failing disks, damage. A file that is missing (58P01) is another matter: a
# foreign table may read one.
_TROUBLE_OF_THE_SERVER = ("53", "57", "58000", "58030", "XX001", "XX002")
_SHOWN = frozenset({"host", "port", "user", "dbname"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """The target server as the restoring role sees it; every session carries one name.

    ``environment`` finds client programs, password files and service files. A session whose server
    is silent for ``stall_timeout`` is asked after, and ended if nobody works on its statement.
    """

    url: Secret
    application_name: str
    environment: Mapping[str, str]
    stall_timeout: timedelta = STALL_TIMEOUT

    def connect(self, database: str) -> Connection:
        """Open a pinned session in autocommit mode.

        Raises:
            SourceUnreachableError, AuthenticationFailedError, DatabaseMissingError: by cause.
        """
        return self._impatient(database)

    def answers(self, database: str) -> bool:
        """Return whether the server takes another session, and answers it, within its time."""
        try:
            with self._asking(database) as other:
                other.execute("SELECT 1")
        except CapacityError:
            return True
        except (psycopg.Error, OrchestratorError):
            return False
        return True

    def connect_for_maintenance(self) -> Connection:
        """Open a session from which databases are created and renamed.

        In ``postgres``; where that was removed, in the database that the URL names.
        """
        try:
            return self.connect(_MAINTENANCE_DATABASE)
        except DatabaseMissingError:
            return self._impatient(None)

    @contextmanager
    def for_programs(self, database: str) -> Iterator[tuple[str, dict[str, str]]]:
        """Yield the connection string and the whole environment of a client program.

        The password is in neither: it lies in a private file until the context is left.
        """
        parameters = self._parameters(database)
        password = parameters.pop("password", None)
        with ExitStack() as stack:
            passfile = stack.enter_context(private_passfile(password)) if password else None
            yield (
                quote_conninfo(parameters),
                libpq_environment(
                    inherited=self.environment,
                    application_name=self.application_name,
                    passfile=passfile,
                    client_encoding="UTF8",
                ),
            )

    def drop_command(self, database: str) -> str:
        """Return the one shell command that drops a database, without a password."""
        known = self._parameters(_MAINTENANCE_DATABASE)
        shown = {name: text for name, text in known.items() if name in _SHOWN}
        statement = f"DROP DATABASE {quote_identifier(database)}"
        return shlex.join(["psql", "--dbname", quote_conninfo(shown), "--command", statement])

    def _impatient(self, database: str | None) -> Connection:
        connection = connect(
            self._secret(),
            database=database,
            application_name=self.application_name,
            patience=self.stall_timeout,
        )
        if isinstance(connection, ImpatientConnection):
            pid = connection.info.backend_pid
            connection.is_at_work = partial(self._is_at_work, database, pid)
        return connection

    def _is_at_work(self, database: str | None, pid: int) -> bool:
        """Return whether the server works for a session of ours; else end it, with all its locks."""
        try:
            with self._asking(database) as other:
                row = other.execute(_AT_WORK, [pid]).fetchone()
                if row is not None and row[0]:
                    return True
                other.execute(_END, [pid])
        except CapacityError:
            # It said so itself: a server that is full is not frozen.
            return True
        except (psycopg.Error, OrchestratorError):
            return False
        return False

    def _asking(self, database: str | None) -> Connection:
        patience = min(self.stall_timeout, timedelta(seconds=CONNECT_TIMEOUT_SECONDS))
        seconds = max(2, int(patience.total_seconds()))  # libpq's least
        url = Secret(
            conninfo.make_conninfo(self._secret().reveal(), connect_timeout=seconds),
            self.url.origin,
        )
        return connect(
            url, database=database, application_name=self.application_name, patience=patience
        )

    def _parameters(self, database: str) -> dict[str, str]:
        return connection_parameters(
            self._secret(), database=database, application_name=self.application_name
        )

    def _secret(self) -> Secret:
        named = connection_parameters(
            self.url, database=None, application_name=self.application_name
        )
        own = named.get("options", "")
        # `role` stands first: a role that the URL asks for counts more than our "none".
        options = f"-c role=none {own} {_OVERRIDDEN}"
        missing = {name: text for name, text in _NOTICE_DEAD_PEERS.items() if name not in named}
        parameters = conninfo.make_conninfo(self.url.reveal(), options=options, **missing)
        return Secret(parameters, self.url.origin)


@contextmanager
def restore_errors(subject: str, *, next_step: str) -> Iterator[None]:
    """Turn psycopg's exceptions into ours, once; ``subject`` says what was being worked on."""
    try:
        yield
    except psycopg.Error as error:
        translated = translate(error, subject)
        if isinstance(translated, SourceUnreachableError):
            raise translated from error
        raise RestoreError(f"{subject}: {server_words(error)}", next_step=next_step) from error


def is_trouble_of_server(error: psycopg.Error) -> bool:
    """Return whether no definition is the cause, so that what follows would fail, too."""
    return (error.sqlstate or "").startswith(_TROUBLE_OF_THE_SERVER)


def server_words(error: psycopg.Error) -> str:
    """Return a server's message, with its detail and the place in a function where it arose."""
    words = [first_line(str(error))]
    words += [text for text in (error.diag.message_detail, error.diag.context) if text]
    code = f" (SQLSTATE {error.sqlstate})" if error.sqlstate else ""
    return "; ".join(" ".join(text.split()) for text in words) + code
