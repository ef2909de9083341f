"""Troubles with the databases that a policy's patterns stand for."""

import shlex
from collections.abc import Iterator
from datetime import datetime

from orchestrator.errors import DatabaseMissingError, SourceUnreachableError
from orchestrator.model.alert import Cause, Trouble
from orchestrator.model.names import DatabaseName, Series
from orchestrator.model.observation import SeriesObservation
from orchestrator.model.policy import Event, Policy
from orchestrator.model.run import ErrorReport
from orchestrator.planning.alerting.causes import cause_of_failure
from orchestrator.planning.alerting.subjects import shorten_failure


def find_unlisted(policy: Policy, now: datetime) -> Iterator[Trouble]:
    """Yield the trouble that nobody knows which databases a policy's patterns stand for.

    While a server cannot be reached, the failing backups of the databases that are known say so,
    when they are due; without any, nothing else would.
    """
    found = policy.source.found
    error = found.trouble
    if error is None or (error.code == SourceUnreachableError.code and policy.source.databases):
        return
    patterns = Series(policy.name, DatabaseName(", ".join(policy.source.patterns)))
    cause = cause_of_failure(error, patterns, policy)
    yield Trouble(
        cause=cause,
        series=(),
        since=now,
        error=error,
        short=shorten_failure(error.what, cause, patterns),
        next_command="orchestrator validate --online",
        also=frozenset({Event.MISSED}),
    )


def cause_of_gone(series: Series) -> Cause:
    """Return what it is about when the database of a series vanished."""
    return Cause(Event.MISSED, f"database {series}")


def find_gone(policy: Policy, seen: SeriesObservation, now: datetime) -> Trouble | None:
    """Return the trouble that a database vanished from the server, as long as it has backups."""
    series = seen.series
    if series.database not in policy.source.found.gone:
        return None
    return Trouble(
        cause=cause_of_gone(series),
        series=(series,),
        since=now,
        short="the server has no such database any more",
        error=ErrorReport(
            code=DatabaseMissingError.code,
            what=f"the server has no database {series.database!r} any more: there will be no further"
            f" backup of {series}; those that there are stay",
            next_step=f"bring it back with `orchestrator restore latest --policy {policy.name}"
            f" --database {shlex.quote(series.database)}"
            f" --into-new {shlex.quote(series.database)}`, or, if it was dropped on purpose, remove"
            f" its backups with `orchestrator erase {shlex.quote(str(series))}`",
        ),
        next_command="orchestrator list",
    )
