"""Which databases a server has that a backup may be taken of."""

from collections.abc import Sequence
from datetime import UTC, datetime

from orchestrator.engines.postgres.backup.tables.relations import Connection
from orchestrator.engines.postgres.session import connect, translated_errors
from orchestrator.engines.postgres.set_aside import is_set_aside
from orchestrator.errors import DatabaseMissingError, UnsupportedServerError
from orchestrator.model.names import DatabaseName
from orchestrator.model.policy import Source
from orchestrator.model.secret import Secret

# As bytes: the names of all databases are seen in each of them, in whatever encoding they were given.
_DATABASES = """
SELECT pg_catalog.textsend(d.datname::text),
       pg_catalog.textsend(pg_catalog.shobj_description(d.oid, 'pg_database'))
FROM pg_catalog.pg_database d
WHERE d.datallowconn AND NOT d.datistemplate ORDER BY 1
"""
# In seconds: some times that a server can have are none that Python can hold in its time zone.
_TIME = "SELECT extract(epoch FROM pg_catalog.clock_timestamp())::text"
MAINTENANCE_DATABASE = "postgres"


def list_databases(source: Source) -> Sequence[DatabaseName]:
    """Return them as `orchestrator.ports.preflight.DatabaseLister` promises.

    Raises:
        SourceError: by cause; UnsupportedServerError if a name is not UTF-8.
    """
    with connect_somewhere(source.url, source) as session, translated_errors("listing databases"):
        rows = session.execute(_DATABASES.encode(), binary=True).fetchall()
    return sorted(
        DatabaseName(name)
        for name, comment in (_decoded(row) for row in rows)
        if not is_set_aside(name, comment)
    )


def read_clock(source: Source) -> datetime:
    """Return the time as `orchestrator.ports.preflight.ServerClock` promises.

    Raises:
        SourceError: by cause.
    """
    with connect_somewhere(source.url, source) as session, translated_errors("asking for the time"):
        row = session.execute(_TIME).fetchone()
    return datetime.fromtimestamp(float(str(row[0])) if row is not None else 0, UTC)


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


def _decoded(row: Sequence[object]) -> tuple[str, str | None]:
    name, comment = (field if isinstance(field, bytes) else None for field in row)
    try:
        # A comment in another encoding is still no comment of ours.
        words = None if comment is None else comment.decode("utf-8", "replace")
        return (name or b"").decode("utf-8"), words
    except UnicodeDecodeError as error:
        shown = (name or b"").decode("utf-8", "backslashreplace")
        raise UnsupportedServerError(
            f"the name of database {shown!r} is not UTF-8",
            next_step="rename it (ALTER DATABASE … RENAME TO …), or declare databases by name",
        ) from error
