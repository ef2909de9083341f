"""Connections to the two kinds of database, set so that a commit that was reported is kept."""

import os
import sqlite3
import time
from pathlib import Path
from typing import Any, NoReturn

from sqlalchemy import URL, Engine, create_engine, event, make_url
from sqlalchemy.exc import SQLAlchemyError

from orchestrator.catalog.sql.translation import Place, translated
from orchestrator.errors import CatalogUnreachableError, UsageError

PATIENCE_SECONDS = 10
"""How long a transaction waits for another one before it gives up."""

_DRIVERS = frozenset({"sqlite", "sqlite+pysqlite", "postgresql", "postgresql+psycopg"})
_FORMS = "sqlite:///folder/catalog.sqlite3 or postgresql://user@host/database"

_SQLITE_SETTINGS = ("PRAGMA synchronous=FULL", "PRAGMA foreign_keys=ON")

# A session that stops in the middle of a transaction (a frozen process, a lost host) would hold
# its locks for ever: the server ends it.
_POSTGRESQL_SETTINGS = (
    "SET timezone = 'UTC'",
    "SET client_encoding = 'UTF8'",
    f"SET lock_timeout = '{PATIENCE_SECONDS}s'",
    "SET idle_in_transaction_session_timeout = '30s'",
    """SELECT set_config('synchronous_commit', 'on', false)
    WHERE current_setting('synchronous_commit') = 'off'""",
)
_POSTGRESQL_OPTIONS: dict[str, str | int] = {
    "application_name": "orchestrator catalog",
    "connect_timeout": PATIENCE_SECONDS,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
_SECRET_PARAMETERS = ("password", "sslpassword")


def connect_to(url: str) -> tuple[Engine, Place]:
    """Given a catalog URL, return an engine for it, and how it may be shown.

    Nothing is opened yet, but the folder and the file of a SQLite catalog are made, for their
    owner alone.

    Raises:
        UsageError: the URL is of another kind, or malformed; it is not repeated in the message.
        CatalogUnreachableError: the folder or file cannot be made.
    """
    parsed = _parse(url)
    if parsed.get_backend_name() == "sqlite":
        return _sqlite(parsed)
    return _postgresql(parsed)


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
    except (SQLAlchemyError, ValueError):
        # Not chained: what could not be parsed may hold a password, and the library repeats it.
        raise _unusable("the catalog URL cannot be understood") from None
    if parsed.drivername not in _DRIVERS:
        raise _unusable(f"a catalog cannot be kept in {parsed.drivername!r}")
    if parsed.get_backend_name() == "sqlite" and (
        parsed.database in {None, "", ":memory:"} or parsed.query
    ):
        raise _unusable("a SQLite catalog is a plain file, and its URL has no options")
    return parsed


def _unusable(what: str) -> UsageError:
    return UsageError(what, next_step=f"write the URL as {_FORMS}")


def _sqlite(url: URL) -> tuple[Engine, Place]:
    path = Path(str(url.database)).absolute()
    place = Place(shown=str(path), folder=path.parent)
    with translated(place):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # SQLite gives the files beside it (-wal, -shm) the mode of this one.
        opened = _made(path)
    # Without "mode" SQLite would make a new catalog where somebody deleted the one that is open.
    options = {"mode": "rw", "uri": "true"}
    engine = create_engine(
        URL.create("sqlite+pysqlite", database=path.as_uri(), query=options),
        connect_args={"timeout": PATIENCE_SECONDS},
        hide_parameters=True,
    )
    event.listen(engine, "connect", _set_up_sqlite)
    _hold_to_file(engine, path, opened)
    return engine, place


def _made(path: Path) -> os.stat_result:
    """Make the file if it is not there, and return which one it is."""
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        return os.fstat(file)
    finally:
        os.close(file)


def _hold_to_file(engine: Engine, path: Path, opened: os.stat_result) -> None:
    """Let an engine work with that very file alone, and never make another in its place.

    It is compared before a connection is opened, before each transaction, and before each commit.
    Then `CatalogUnreachableError` is raised, until the same file is there again: SQLite itself goes
    on working in a deleted file, which is gone with the last process that has it open.
    """

    def require_same(*_: Any, **__: Any) -> None:  # noqa: ANN401 -- each event has other arguments
        try:
            found = os.stat(path)  # noqa: PTH116 -- a µs less than `Path.stat`, in each transaction
        except (FileNotFoundError, NotADirectoryError) as error:
            _refuse(f"the file of the catalog {path} was deleted or moved while it was open", error)
        if (found.st_dev, found.st_ino) != (opened.st_dev, opened.st_ino):
            _refuse(
                f"the file of the catalog {path} was exchanged for another file while it was open"
            )

    for happening in ("do_connect", "checkout", "commit"):
        event.listen(engine, happening, require_same)


def _refuse(what: str, error: OSError | None = None) -> NoReturn:
    raise CatalogUnreachableError(
        f"{what}; nothing more is read or written there",
        next_step="put that file back, or end this command, look at what lies there (if the catalog"
        " is gone: `orchestrator catalog rebuild --from DESTINATION`), and start the command again",
    ) from error


def _set_up_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    # The driver must not begin transactions by itself: transactions.py does.
    connection.isolation_level = None
    _keep_write_ahead_log(connection)
    for setting in _SQLITE_SETTINGS:
        connection.execute(setting).close()


def _keep_write_ahead_log(connection: sqlite3.Connection) -> None:
    """Switch a new file to WAL; SQLite does not wait by itself when two try that at once."""
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL").close()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > give_up_at:
                raise
            time.sleep(0.01)
        else:
            return


def _postgresql(url: URL) -> tuple[Engine, Place]:
    secrets = [url.password, *(url.query.get(name) for name in _SECRET_PARAMETERS)]
    shown = url.set(drivername="postgresql", query={})
    place = Place(
        shown=shown.render_as_string(hide_password=True),
        secrets=tuple(str(secret) for secret in secrets if secret),
    )
    options = {name: value for name, value in _POSTGRESQL_OPTIONS.items() if name not in url.query}
    engine = create_engine(
        url.set(drivername="postgresql+psycopg"),
        connect_args=options,
        pool_pre_ping=True,
        hide_parameters=True,
    )
    event.listen(engine, "connect", _set_up_postgresql)
    return engine, place


def _set_up_postgresql(
    connection: Any,  # noqa: ANN401 -- a psycopg connection; this package does not import psycopg
    _record: object,
) -> None:
    connection.autocommit = True
    for setting in _POSTGRESQL_SETTINGS:
        connection.execute(setting)
    connection.autocommit = False
