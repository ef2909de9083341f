"""What a database's complaint means: the one place where its exceptions become ours."""

import errno
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.exc import DBAPIError, SQLAlchemyError, StatementError
from typing_extensions import override

from orchestrator.errors import (
    CatalogError,
    CatalogFullError,
    CatalogUnreachableError,
    OrchestratorError,
)

_LITTLE_SPACE = 1 << 20
"""Bytes. SQLite reports some writes that failed for want of space as plain I/O errors."""

_SQLITE_UNREACHABLE = frozenset(
    {
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_AUTH,
        sqlite3.SQLITE_IOERR,
    }
)
_SQLITE_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_SQLITE_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})

# SQLSTATEs: PostgreSQL's documentation, appendix A. Classes 08 and 57P are lost or refused
# connections; 28 is a refused login, 3D a missing database, 53300 too many connections.
_POSTGRESQL_FULL = ("53100",)
_POSTGRESQL_UNREACHABLE = ("08", "28", "3D", "53300", "57P")
_POSTGRESQL_BUSY = ("40", "55P03", "57014", "25P03")


@dataclass(frozen=True, slots=True, repr=False)
class Place:
    """Where a catalog lies, as it may be shown, and what must never be shown of it."""

    shown: str
    secrets: tuple[str, ...] = ()
    folder: Path | None = None

    @override
    def __str__(self) -> str:
        return self.shown

    def without_secrets(self, text: str) -> str:
        """Given a driver's words, return their first line, secrets of the URL replaced."""
        first_line = text.strip().splitlines()[0] if text.strip() else "no further words"
        for secret in self.secrets:
            first_line = first_line.replace(secret, "***")
        return first_line


@contextmanager
def translated(place: Place) -> Iterator[None]:
    """Run a body that speaks to the catalog; what goes wrong there leaves as a `CatalogError`.

    Errors of this program pass as they are. Driver errors carry neither SQL nor values.
    """
    try:
        yield
    except OrchestratorError:
        raise
    except DBAPIError as error:
        raise _explained(error.orig, place) from error
    except StatementError as error:
        raise _unusable_value(place, error.orig) from error
    except sqlite3.Error as error:
        raise _explained(error, place) from error
    except SQLAlchemyError as error:
        raise _other(place, str(error)) from error
    except (LookupError, ValueError) as error:
        raise _unusable_value(place, error) from error
    except OSError as error:
        raise _file_trouble(error, place) from error


def _unusable_value(place: Place, error: BaseException | None) -> CatalogError:
    """Return the error for a value that the catalog cannot hold, or holds and should not."""
    return CatalogError(
        f"a value cannot be written to or read from the catalog {place}:"
        f" {place.without_secrets(str(error))}",
        next_step="report this as a defect; if somebody edited the catalog, restore its last copy",
    )


def _explained(error: BaseException | None, place: Place) -> OrchestratorError:
    if isinstance(error, sqlite3.Error):
        return _explained_sqlite(error, place)
    return _explained_postgresql(error, place)


def _explained_sqlite(error: sqlite3.Error, place: Place) -> OrchestratorError:
    words = place.without_secrets(str(error))
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_FULL or (code == sqlite3.SQLITE_IOERR and _is_full(place.folder)):
        return _full(place, words)
    if code in _SQLITE_BUSY:
        return _busy(place, words)
    if code in _SQLITE_UNREACHABLE:
        return _unreachable(place, words)
    if code in _SQLITE_DAMAGED:
        return CatalogError(
            f"the catalog {place} is damaged, or is no catalog: {words}",
            next_step="check the path; keep the file aside, put its last good copy back",
        )
    return _other(place, words)


def _explained_postgresql(error: BaseException | None, place: Place) -> OrchestratorError:
    words = place.without_secrets(str(error))
    state: str | None = getattr(error, "sqlstate", None)
    # libpq gives no SQLSTATE for a connection that it could not make or that broke under it.
    if state is None or state.startswith(_POSTGRESQL_UNREACHABLE):
        return _unreachable(place, words)
    if state.startswith(_POSTGRESQL_FULL):
        return _full(place, words)
    if state.startswith(_POSTGRESQL_BUSY):
        return _busy(place, words)
    return _other(place, words)


def _file_trouble(error: OSError, place: Place) -> OrchestratorError:
    words = error.strerror or str(error)
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return _full(place, words)
    return _unreachable(place, words)


def _is_full(folder: Path | None) -> bool:
    if folder is None:
        return False
    try:
        space = os.statvfs(folder)
    except OSError:
        return False
    return space.f_bavail * space.f_frsize < _LITTLE_SPACE or (
        space.f_files > 0 and space.f_favail == 0
    )


def _full(place: Place, words: str) -> CatalogFullError:
    return CatalogFullError(
        f"the disk of the catalog {place} is full: {words}",
        next_step="make space there and run the same command again; stored backups are untouched",
    )


def _busy(place: Place, words: str) -> CatalogError:
    return CatalogError(
        f"the catalog {place} stayed locked by another process: {words}",
        next_step="run the same command again; if this repeats, look for a process that hangs",
    )


def _unreachable(place: Place, words: str) -> CatalogUnreachableError:
    return CatalogUnreachableError(
        f"the catalog {place} cannot be opened or reached: {words}",
        next_step="check the --catalog URL or --state folder, its permissions, and that it is up",
    )


def _other(place: Place, words: str) -> CatalogError:
    return CatalogError(
        f"the catalog {place} answered with an error: {place.without_secrets(words)}",
        next_step="see the log of the database server; if it knows no reason, report a defect",
    )
