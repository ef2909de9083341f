"""Whether a URL leads to the very database that a session of ours is in.

Identity does not tell: a physical clone and a promoted standby have the system identifier and the
object ids of the server that they were copied from. But the sessions of a server are its own.
"""

from datetime import timedelta

from orchestrator.engines.postgres.restore.access import Connection
from orchestrator.engines.postgres.session import (
    connect,
    connection_parameters,
    translated_errors,
)
from orchestrator.errors import OrchestratorError
from orchestrator.model.secret import Secret

_NAME = "orchestrator"
_OURSELVES = """
SELECT pg_catalog.pg_backend_pid(), pg_catalog.current_setting('application_name')
"""
# These three columns are shown to every role, of the sessions of other roles, too.
_SEEN = """
SELECT count(*) FROM pg_catalog.pg_stat_activity a
WHERE a.pid = %s AND a.application_name = %s AND a.datname = pg_catalog.current_database()
"""


def doubt_of(own: Connection, url: Secret, database: str, *, patience: timedelta) -> str | None:
    """Return in words why ``url`` might lead to another database than ``own``, or None.

    ``own`` carries an application name that no other run has. A URL that names several servers may
    lead to one now and to another in a moment, so it is never without doubt.
    """
    us = own.execute(_OURSELVES).fetchone()
    there = f"the database {database!r} of source.url"
    try:
        if _names_several(url):
            return "source.url names several servers, and a backup may be of any of them"
        with (
            connect(
                url, database=database, application_name=_NAME, patience=patience
            ) as connection,
            translated_errors(there),
        ):
            seen = connection.execute(_SEEN, us).fetchone()
    except OrchestratorError as error:
        return f"{there} could not be asked: {error.what}"
    if seen != (1,):
        return f"the session that replaces is not seen among the sessions of {there}"
    return None


def _names_several(url: Secret) -> bool:
    parameters = connection_parameters(url, database=None, application_name=_NAME)
    return any("," in parameters.get(key, "") for key in ("host", "hostaddr"))
