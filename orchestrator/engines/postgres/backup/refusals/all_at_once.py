"""Whatever a run is refused for, all at once: one cause must not hide the next (rules 1 and 13)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from orchestrator.engines.postgres.backup.privileges import require_privileges
from orchestrator.engines.postgres.backup.refusals.lock_capacity import require_lock_capacity
from orchestrator.engines.postgres.backup.refusals.standby import read_standby, refuse_lag
from orchestrator.engines.postgres.backup.refusals.unreadable_names import refuse_unreadable_names
from orchestrator.engines.postgres.backup.tables.relations import Connection
from orchestrator.engines.postgres.backup.tables.resolve import refuse_scattered_tables, resolve
from orchestrator.engines.postgres.programs import find_client_programs
from orchestrator.engines.postgres.session import translated_errors
from orchestrator.errors import OrchestratorError, SourceUnreachableError, UnsupportedServerError
from orchestrator.model.policy import Source, TableSelection

OLDEST_MAJOR = 14
NEWEST_MAJOR = 18


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """The backup that shall be taken.

    ``subject`` names its database in messages; ``environment`` finds client programs; ``workers``
    are the reading sessions.
    """

    subject: str
    source: Source
    selection: TableSelection
    workers: int
    environment: Mapping[str, str]


def require_possible(connection: Connection, intent: Intent) -> None:
    """Do nothing if nothing stands in the way of a backup.

    Raises:
        SourceError: the first thing that does, with the words and remedies of all others.
    """
    refusals = find_refusals(connection, intent)
    if refusals:
        raise _joined(refusals)


def find_refusals(connection: Connection, intent: Intent) -> Sequence[OrchestratorError]:
    """Return everything that stands in the way of a backup, each with its remedy.

    Of a server that this program does not know, or that went away, only that is said.
    """
    found: list[OrchestratorError] = []
    for check in (_require_version, _require_names, _require_programs):
        _try(check, connection, intent, found)
        if found and isinstance(found[-1], SourceUnreachableError):
            return found
        if found and check is _require_version:
            return found
    for check in (_require_privileges, _refuse_extensions, _require_tables, _require_fresh):
        _try(check, connection, intent, found)
    return found


Check = Callable[[Connection, Intent], None]


def _try(
    check: Check, connection: Connection, intent: Intent, found: list[OrchestratorError]
) -> None:
    try:
        with translated_errors(intent.subject):
            check(connection, intent)
    except OrchestratorError as error:
        found.append(error)


def _joined(refusals: Sequence[OrchestratorError]) -> OrchestratorError:
    if len(refusals) == 1:
        return refusals[0]
    first = type(refusals[0])
    return first(
        "; ".join(dict.fromkeys(error.what for error in refusals)),
        next_step="\n  ".join(dict.fromkeys(error.next_step for error in refusals)),
    )


# ------------------------------------------------------------------ the checks
def _require_version(connection: Connection, intent: Intent) -> None:
    major = connection.info.server_version // 10000
    if not OLDEST_MAJOR <= major <= NEWEST_MAJOR:
        raise UnsupportedServerError(
            f"{intent.subject}: PostgreSQL {major} is not supported",
            next_step=f"this program backs up PostgreSQL {OLDEST_MAJOR} to {NEWEST_MAJOR}",
        )


def _require_names(connection: Connection, _: Intent) -> None:
    refuse_unreadable_names(connection)


def _require_programs(connection: Connection, intent: Intent) -> None:
    major = connection.info.server_version // 10000
    find_client_programs(environment=intent.environment, at_least=major)


def _require_privileges(connection: Connection, _: Intent) -> None:
    require_privileges(connection)


def _refuse_extensions(connection: Connection, _: Intent) -> None:
    refuse_scattered_tables(connection)


def _require_tables(connection: Connection, intent: Intent) -> None:
    tables = len(resolve(connection, intent.selection).locked)
    require_lock_capacity(connection, tables=tables, workers=intent.workers)


def _require_fresh(connection: Connection, intent: Intent) -> None:
    refuse_lag(read_standby(connection), allowed=intent.source.max_standby_lag)
