"""Swapping two databases by name (reference/postgres.md §1, "Restoring", rule 5).

Both renames are one transaction: a kill at any moment leaves the names as they were, or exchanged.
What was written since the backup is counted after it, when nobody reaches the old database by its
name any more, so that no write is overlooked; and before anything is built, so that somebody can
agree to it.
"""

import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import replace

import psycopg
from typing_extensions import override

from orchestrator.engines.postgres.backup.properties import read_identity
from orchestrator.engines.postgres.identifiers import quote_identifier, quote_literal
from orchestrator.engines.postgres.restore.access import (
    Access,
    Connection,
    restore_errors,
    server_words,
)
from orchestrator.engines.postgres.restore.swap.differences import (
    count_differences,
    require_countable,
)
from orchestrator.engines.postgres.set_aside import aside_comment
from orchestrator.errors import (
    DatabaseMissingError,
    OrchestratorError,
    ReplaceRefusedError,
    RestoreError,
)
from orchestrator.model.contents import DatabaseProperties, Details, ServerIdentity
from orchestrator.ports.restoring.swapping import SwapOutlook, Swapper, SwapRequest, SwapResult

_STATE = """
SELECT pg_catalog.pg_has_role(d.datdba, 'USAGE'),
       (SELECT r.rolcreatedb OR r.rolsuper FROM pg_catalog.pg_roles r WHERE r.rolname = current_user),
       EXISTS (SELECT FROM pg_catalog.pg_database o WHERE o.datname = %s)
FROM pg_catalog.pg_database d WHERE d.datname = %s
"""
_OID = "SELECT d.oid::bigint FROM pg_catalog.pg_database d WHERE d.datname = %s"
_COMMENT = """
SELECT pg_catalog.shobj_description(d.oid, 'pg_database') FROM pg_catalog.pg_database d
WHERE d.datname = %s
"""
# A server tells others than its superusers neither the kind nor the statement of a stranger's
# session, but whose it is; its own workers belong to nobody, and the rename ends them.
_SESSIONS = """
SELECT a.pid, a.datname, a.usename,
       pg_catalog.pg_has_role(a.usesysid, 'USAGE')
         OR NOT r.rolsuper AND pg_catalog.pg_has_role('pg_signal_backend', 'USAGE') AS may_end
FROM pg_catalog.pg_stat_activity a JOIN pg_catalog.pg_roles r ON r.oid = a.usesysid
WHERE a.datname = ANY (%s) AND a.pid <> pg_catalog.pg_backend_pid()
"""
# Ended in the select list: as a condition it could be asked before the database's name is.
_END = f"""
SELECT s.pid, s.datname, CASE WHEN s.may_end THEN pg_catalog.pg_terminate_backend(s.pid) END
FROM ({_SESSIONS}) s
"""  # noqa: S608 - only our own text is put together
_SLOTS = "SELECT slot_name FROM pg_catalog.pg_replication_slots WHERE database = %s ORDER BY 1"
_PAUSE_SECONDS = 0.1
_NEXT_STEP = "both databases keep their names; remove the cause and restore again"


class PostgresSwapper(Swapper):
    """Renames databases of one server, as their owner with CREATEDB or a superuser."""

    def __init__(self, *, environment: Mapping[str, str]) -> None:
        """``environment`` finds password files and service files."""
        self._environment = environment

    @override
    def look(self, request: SwapRequest, details: Details) -> SwapOutlook:
        access = self._access(request)
        next_step = "nothing was changed; remove the cause and restore again"
        with (
            access.connect_for_maintenance() as maintenance,
            restore_errors("looking at the database to be swapped", next_step=next_step),
        ):
            _require_swappable(maintenance, request)
            _require_free_name(maintenance, request, access)
            notes = (*_strangers(maintenance, request), *_slots(maintenance, request.name))
        with (
            access.connect(request.name) as reader,
            restore_errors(f"counting what {request.name!r} holds", next_step=next_step),
        ):
            require_countable(reader)
            return SwapOutlook(differences=count_differences(reader, details), notes=notes)

    @override
    def identify_restored(self, request: SwapRequest) -> ServerIdentity:
        with (
            self._access(request).connect_for_maintenance() as maintenance,
            restore_errors(f"asking which database {request.restored!r} is", next_step=_NEXT_STEP),
        ):
            row = maintenance.execute(_OID, [request.restored]).fetchone()
            if row is None:
                raise RestoreError(
                    f"the restored database {request.restored!r} is gone", next_step=_NEXT_STEP
                )
            return replace(read_identity(maintenance), database_oid=int(str(row[0])))

    @override
    def drop_statement(self, request: SwapRequest) -> str:
        return f"DROP DATABASE {quote_identifier(request.restored)}"

    @override
    def swap(self, request: SwapRequest, details: Details) -> SwapResult:
        access = self._access(request)
        with (
            access.connect_for_maintenance() as maintenance,
            access.connect_for_maintenance() as usher,
            restore_errors(f"swapping {request.name!r}", next_step=_NEXT_STEP),
        ):
            _require_swappable(maintenance, request)
            ended = _rename(maintenance, usher, request, details.properties)
        # The names are exchanged: from here on nothing may call it a failure.
        notes: tuple[str, ...] = ()
        try:
            with access.connect_for_maintenance() as maintenance:
                notes = tuple(_slots(maintenance, request.kept_as))
            with access.connect(request.kept_as) as reader:
                return SwapResult(count_differences(reader, details), ended, notes)
        except (psycopg.Error, OrchestratorError) as error:
            words = f"what was written since the backup could not be counted: {error}"
            return SwapResult(None, ended, (*notes, words))

    def _access(self, request: SwapRequest) -> Access:
        return Access(
            url=request.url,
            application_name=request.application_name,
            environment=self._environment,
        )


def _require_swappable(maintenance: Connection, request: SwapRequest) -> None:
    row = maintenance.execute(_STATE, [request.kept_as, request.name]).fetchone()
    if row is None:
        raise DatabaseMissingError(
            f"there is no database {request.name!r} to be swapped",
            next_step=f"restore with --into-new {request.name}",
        )
    is_owner, may_create, is_taken = row
    if not (is_owner and may_create):
        raise ReplaceRefusedError(
            f"the role {maintenance.info.user!r} may not rename {request.name!r}",
            next_step="name a superuser, or its owner with CREATEDB, in source.restore_url",
        )
    if is_taken:
        raise ReplaceRefusedError(
            f"there is a database {request.kept_as!r} already", next_step="run it again"
        )


def _require_free_name(maintenance: Connection, request: SwapRequest, access: Access) -> None:
    if maintenance.execute(_OID, [request.restored]).fetchone() is not None:
        raise ReplaceRefusedError(
            f"there is a database {request.restored!r} already: the same backup was restored for a"
            " swap before, and that did not come to its end",
            next_step="if nobody needs it, drop it and run this again: "
            + access.drop_command(request.restored),
        )


# ------------------------------------------------------------------ renaming
def _rename(
    maintenance: Connection, usher: Connection, request: SwapRequest, recorded: DatabaseProperties
) -> int:
    """Exchange the names, and return how many sessions of the old one had to be ended for it.

    The rename locks newcomers out while it waits for those who are in; the usher ends those.
    """
    deadline = time.monotonic() + request.patience.total_seconds()
    ended: set[object] = set()
    with ThreadPoolExecutor(1, thread_name_prefix="rename") as pool:
        while True:
            renaming = pool.submit(_rename_both, maintenance, request, recorded)
            while not renaming.done():
                ended |= _end_sessions(usher, request)
                wait([renaming], timeout=_PAUSE_SECONDS)
            obstacle = renaming.result()
            if obstacle is None:
                return len(ended)
            if time.monotonic() > deadline:
                raise RestoreError(
                    f"the databases could not be renamed: {obstacle}",
                    next_step="; ".join([*_strangers(usher, request), _NEXT_STEP]),
                )


def _end_sessions(usher: Connection, request: SwapRequest) -> set[object]:
    # Whatever goes wrong here, the rename says whether sessions are left.
    with suppress(psycopg.Error):
        found = usher.execute(_END.encode(), [[request.name, request.restored]])
        return {pid for pid, database, _ in found if database == request.name}
    return set()


def _rename_both(
    maintenance: Connection, request: SwapRequest, recorded: DatabaseProperties
) -> str | None:
    """Return None if it was done, and why not if somebody is still connected after 5 s."""
    try:
        with maintenance.transaction():
            row = maintenance.execute(_COMMENT, [request.name]).fetchone()
            former = None if row is None or row[0] is None else str(row[0])
            for statement in _statements(request, recorded, former):
                maintenance.execute(statement.encode())
    except psycopg.errors.ObjectInUse as error:
        return server_words(error)
    except psycopg.OperationalError as error:
        if not maintenance.closed:
            raise
        raise RestoreError(
            "the connection broke while the names were exchanged",
            next_step=f"look at the server's databases: if {request.kept_as!r} is there, it is done,"
            " and if not, both keep their names",
        ) from error
    return None


def _statements(
    request: SwapRequest, recorded: DatabaseProperties, former: str | None
) -> Iterator[str]:
    comment = recorded.comment
    name, kept = quote_identifier(request.name), quote_identifier(request.kept_as)
    yield "SET LOCAL synchronous_commit = on"
    yield f"ALTER DATABASE {name} RENAME TO {kept}"
    yield f"ALTER DATABASE {quote_identifier(request.restored)} RENAME TO {name}"
    aside = quote_literal(aside_comment(request.kept_as, former=former))
    yield f"COMMENT ON DATABASE {kept} IS {aside}"
    yield f"COMMENT ON DATABASE {name} IS {'NULL' if comment is None else quote_literal(comment)}"
    if recorded.is_template:
        yield f"ALTER DATABASE {name} IS_TEMPLATE true"


# ------------------------------------------------------------------ what stands in the way
def _strangers(maintenance: Connection, request: SwapRequest) -> Iterator[str]:
    """Say whose sessions are there that this role may not end."""
    found = maintenance.execute(_SESSIONS, [[request.name, request.restored]])
    roles = sorted({str(role) for _, _, role, may_end in found if not may_end})
    if roles:
        us = quote_identifier(maintenance.info.user)
        yield (
            f"sessions of {', '.join(roles)} are connected, and only a superuser or a member of"
            f" these roles may end them: end them yourself, or GRANT pg_signal_backend TO {us}"
            " (which is not enough for those of superusers)"
        )


def _slots(maintenance: Connection, database: str) -> Iterator[str]:
    for (slot,) in maintenance.execute(_SLOTS, [database]):
        yield (
            f"replication slot {slot} stays with the old database: its subscriber gets nothing new"
        )
