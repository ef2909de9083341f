"""Which databases a server has that a backup may be taken of."""

import re
from collections.abc import Sequence

from orchestrator.engines.postgres.backup.tables.relations import Connection
from orchestrator.engines.postgres.session import connect, translated_errors
from orchestrator.errors import DatabaseMissingError, UnsupportedServerError
from orchestrator.model.names import DatabaseName
from orchestrator.model.policy import Source
from orchestrator.model.secret import Secret

# As bytes: the names of all databases are seen in each of them, in whatever encoding they were given.
_DATABASES = """
SELECT pg_catalog.textsend(d.datname::text) FROM pg_catalog.pg_database d
WHERE d.datallowconn AND NOT d.datistemplate ORDER BY 1
"""
MAINTENANCE_DATABASE = "postgres"

# A restore builds its database under such a name (`temporary_name` of execution/restore).
_UNFINISHED = re.compile(r".*_restoring_[0-9a-f]{6}", re.DOTALL)


def list_databases(source: Source) -> Sequence[DatabaseName]:
    """Return them as `orchestrator.ports.preflight.DatabaseLister` promises.

    Raises:
        SourceError: by cause; UnsupportedServerError if a name is not UTF-8.
    """
    with connect_somewhere(source.url, source) as session, translated_errors("listing databases"):
        rows = session.execute(_DATABASES.encode(), binary=True).fetchall()
    names = [_decoded(bytes(name)) for (name,) in rows if isinstance(name, bytes)]
    return sorted(DatabaseName(name) for name in names if not _UNFINISHED.fullmatch(name))


def connect_somewhere(url: Secret, source: Source) -> Connection:
    """Connect to the database of a URL, or, if there is none of that name, to ``postgres``.

    Raises:
        SourceError: by cause.
    """
    try:
        return _connect(url, None, source)
    except DatabaseMissingError:
        return _connect(url, MAINTENANCE_DATABASE, source)


def _connect(url: Secret, database: str | None, source: Source) -> Connection:
    return connect(
        url,
        database=database,
        application_name="orchestrator preflight",
        patience=source.stall_timeout,
    )


def _decoded(name: bytes) -> str:
    try:
        return name.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UnsupportedServerError(
            f"the name of database {name.decode('utf-8', 'backslashreplace')!r} is not UTF-8",
            next_step="rename it (ALTER DATABASE … RENAME TO …), or declare databases by name",
        ) from error
