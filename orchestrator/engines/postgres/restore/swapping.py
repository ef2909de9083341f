"""Swapping two databases by name (reference/postgres.md §1, "Restoring", rule 5).

Both renames are one transaction: a kill at any moment leaves the names as they were, or exchanged.
What was written since the backup is counted after it, when nobody reaches the old database by its
name any more, so that no write is overlooked.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait

import psycopg
from typing_extensions import override

from orchestrator.engines.postgres.backup.tables.relations import read_relations
from orchestrator.engines.postgres.identifiers import qualified, quote_identifier
from orchestrator.engines.postgres.restore.access import Access, Connection, restore_errors
from orchestrator.errors import DatabaseMissingError, OrchestratorError, RestoreError
from orchestrator.model.contents import TableData
from orchestrator.ports.restoring.swapping import ChangedTable, Swapper, SwapRequest, SwapResult

_STATE = """
SELECT pg_catalog.pg_has_role(d.datdba, 'USAGE'),
       (SELECT r.rolcreatedb OR r.rolsuper FROM pg_catalog.pg_roles r WHERE r.rolname = current_user),
       EXISTS (SELECT FROM pg_catalog.pg_database o WHERE o.datname = %s)
FROM pg_catalog.pg_database d WHERE d.datname = %s
"""
# Ended in the select list: as a condition it could be asked before the database's name is.
_END = """
SELECT a.pid, pg_catalog.pg_terminate_backend(a.pid) FROM pg_catalog.pg_stat_activity a
WHERE a.datname = %s AND a.backend_type = 'client backend'
"""
_SLOTS = "SELECT slot_name FROM pg_catalog.pg_replication_slots WHERE database = %s ORDER BY 1"
_PAUSE_SECONDS = 0.1
_NEXT_STEP = "both databases keep their names; remove the cause and restore again"


class PostgresSwapper(Swapper):
    """Renames databases of one server, as their owner with CREATEDB or a superuser."""

    def __init__(self, *, environment: Mapping[str, str]) -> None:
        """``environment`` finds password files and service files."""
        self._environment = environment

    @override
    def require_swappable(self, request: SwapRequest) -> None:
        access = self._access(request)
        with (
            access.connect_for_maintenance() as maintenance,
            restore_errors("looking at the database to be swapped", next_step=_NEXT_STEP),
        ):
            _require_swappable(maintenance, request)

    @override
    def swap(self, request: SwapRequest, tables: Sequence[TableData]) -> SwapResult:
        access = self._access(request)
        with (
            access.connect_for_maintenance() as maintenance,
            access.connect_for_maintenance() as usher,
            restore_errors(f"swapping {request.name!r}", next_step=_NEXT_STEP),
        ):
            _require_swappable(maintenance, request)
            ended = _rename(maintenance, usher, request)
            notes = tuple(_notes(maintenance, request))
        # The names are exchanged: from here on nothing may call it a failure.
        try:
            with access.connect(request.kept_as) as reader:
                return SwapResult(tuple(_changed(reader, tables)), ended, notes)
        except (psycopg.Error, OrchestratorError) as error:
            words = f"what was written since the backup could not be counted: {error}"
            return SwapResult((), ended, (*notes, words))

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
        raise RestoreError(
            f"the role {maintenance.info.user!r} may not rename {request.name!r}",
            next_step="name a superuser, or its owner with CREATEDB, in source.restore_url",
        )
    if is_taken:
        raise RestoreError(
            f"there is a database {request.kept_as!r} already", next_step="run it again"
        )


def _rename(maintenance: Connection, usher: Connection, request: SwapRequest) -> int:
    """Exchange the names, and return how many sessions had to be ended for it.

    The rename locks newcomers out while it waits for those who are in; the usher ends those.
    """
    deadline = time.monotonic() + request.patience.total_seconds()
    ended: set[object] = set()
    with ThreadPoolExecutor(1, thread_name_prefix="rename") as pool:
        while True:
            renaming = pool.submit(_rename_both, maintenance, request)
            while not renaming.done():
                ended |= {pid for pid, _ in usher.execute(_END, [request.name])}
                wait([renaming], timeout=_PAUSE_SECONDS)
            if renaming.result():
                return len(ended)
            if time.monotonic() > deadline:
                raise RestoreError(f"sessions of {request.name!r} do not end", next_step=_NEXT_STEP)


def _rename_both(maintenance: Connection, request: SwapRequest) -> bool:
    """Return whether it was done; not if somebody is still connected after 5 s."""
    old, restored = quote_identifier(request.name), quote_identifier(request.restored)
    try:
        with maintenance.transaction():
            for statement in (
                "SET LOCAL synchronous_commit = on",
                f"ALTER DATABASE {old} RENAME TO {quote_identifier(request.kept_as)}",
                f"ALTER DATABASE {restored} RENAME TO {old}",
            ):
                maintenance.execute(statement.encode())
    except psycopg.errors.ObjectInUse:
        return False
    return True


def _changed(reader: Connection, tables: Sequence[TableData]) -> Iterator[ChangedTable]:
    then = {data.table.name: data.rows for data in tables}
    present = [one for one in read_relations(reader).tables if one.has_rows_of_its_own]
    for relation in present:
        # The name is quoted by qualified().
        query = f"SELECT pg_catalog.count(*) FROM ONLY {qualified(relation.name)}"  # noqa: S608
        row = reader.execute(query.encode()).fetchone()
        now = 0 if row is None else int(str(row[0]))
        if then.get(relation.name) != now:
            yield ChangedTable(name=relation.name, then=then.get(relation.name), now=now)
    names = {relation.name for relation in present}
    for name in sorted(then.keys() - names):
        yield ChangedTable(name=name, then=then[name], now=None)


def _notes(maintenance: Connection, request: SwapRequest) -> Iterator[str]:
    for (slot,) in maintenance.execute(_SLOTS, [request.kept_as]):
        yield (
            f"replication slot {slot} stays with {request.kept_as!r}: its subscriber gets nothing new"
        )
