"""From what was observed to incidents and messages in the catalog (docs/adr/0014)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from orchestrator.errors import CatalogError
from orchestrator.execution.context import Execution
from orchestrator.execution.tell_without_catalog import CAUSE, catalog_trouble
from orchestrator.model.alert import AlertKind, Cause, Trouble
from orchestrator.model.incident import IncidentChange, Message
from orchestrator.model.names import ChannelName
from orchestrator.model.observation import Observation
from orchestrator.model.run import LogAction, LogEntry, LogOutcome
from orchestrator.planning.alerting import (
    DigestFacts,
    Findings,
    Followed,
    Moment,
    due_digests,
    find_troubles,
    follow_incidents,
    recover_unrecorded,
    write_digest,
)
from orchestrator.planning.alerting.digest import LATEST
from orchestrator.planning.alerting.letters import digest_id
from orchestrator.planning.storage import find_storage_troubles, measured_until
from orchestrator.reconciler.observe import observe
from orchestrator.reconciler.running import read_running

KEPT = timedelta(days=90)
"""How long what was sent, and incidents that are over, stay known."""

SIGHT_HOLDS = timedelta(minutes=1)
"""What was seen longer ago is looked at again before anybody is told: this process was frozen, and
another may have taken the missing backup meanwhile (found by the simulator, seed 142 at fe9328c)."""

_OUTCOMES = {
    AlertKind.OPENED: LogOutcome.FAILED,
    AlertKind.RECOVERED: LogOutcome.SUCCEEDED,
    AlertKind.UNWATCHED: LogOutcome.INTERRUPTED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Concerns:
    """What is wrong beyond the catalog, and when it is asked for.

    ``problems`` are those of policy files that cannot be put in force, since ``since``. While
    ``is_in_doubt``, nobody is told that the catalog works again: it may take these words, and not
    the runs of the work under way.
    """

    problems: Sequence[str] = ()
    since: datetime | None = None
    moment: Moment = Moment.BETWEEN
    is_in_doubt: bool = False


BEGINNING = Concerns(moment=Moment.BEGINNING, is_in_doubt=True)
UNDER_WAY = Concerns(is_in_doubt=True)
END = Concerns(moment=Moment.END)


def note_troubles(
    seen: Observation, execution: Execution, concerns: Concerns
) -> tuple[Trouble, ...]:
    """Record what became of every incident, and queue what is to be said; return what is wrong.

    It decides from state alone: after a crash at any point the next call comes to the same end,
    and a second call right after the first does nothing.

    Raises:
        CatalogError: the catalog cannot be read or written.
    """
    troubles, changes = _decide(seen, execution, concerns)
    if changes and execution.clock.now() - seen.now > SIGHT_HOLDS:
        seen = observe(execution.desired, execution.reader, execution.clock, execution.machine)
        troubles, changes = _decide(seen, execution, concerns)
    record_changes(changes, execution, seen.now)
    if not concerns.is_in_doubt:
        execution.notes.forget()
    return troubles


def _decide(
    seen: Observation, execution: Execution, concerns: Concerns
) -> tuple[tuple[Trouble, ...], Sequence[IncidentChange]]:
    """Return what is wrong, and what becomes of every incident because of it."""
    known, undelivered = execution.reader.incidents(), execution.reader.undelivered()
    read_at = execution.clock.now()
    troubles = list_troubles(seen, execution, concerns, undelivered)
    followed = Followed(
        desired=execution.desired,
        seen=seen,
        troubles=troubles,
        known=known,
        read_at=read_at,
        waiting={(message.about, message.channel) for message in undelivered},
        fallback=execution.fallback.name if execution.fallback else None,
        moment=concerns.moment,
    )
    changes = _follow(followed, execution, is_in_doubt=concerns.is_in_doubt)
    return troubles, [*changes, *_write_digests(followed, execution)]


def _follow(followed: Followed, execution: Execution, *, is_in_doubt: bool) -> list[IncidentChange]:
    """What was told directly, for want of a catalog, is not told again, and is over only in the end.

    A catalog that is in doubt may hold a trace of what was told; who was told knows it already.
    """
    told_at = execution.notes.told_at()
    if told_at is None:
        return list(follow_incidents(followed))
    if is_in_doubt:
        return list(follow_incidents(_without_catalog(followed)))
    changes = follow_incidents(followed)
    if any(trouble.cause == CAUSE for trouble in followed.troubles):
        return list(changes)
    over = _recover_catalog(followed, told_at)
    known = {_key(change) for change in changes}
    return [*changes, *(change for change in over if _key(change) not in known)]


def _key(change: IncidentChange) -> tuple[Cause, ChannelName] | None:
    return None if change.after is None else (change.after.cause, change.after.channel)


def _without_catalog(followed: Followed) -> Followed:
    return replace(
        followed,
        troubles=[trouble for trouble in followed.troubles if trouble.cause != CAUSE],
        known=[incident for incident in followed.known if incident.cause != CAUSE],
    )


def list_troubles(
    seen: Observation,
    execution: Execution,
    concerns: Concerns,
    undelivered: Sequence[Message],
) -> tuple[Trouble, ...]:
    """Return what is wrong now; the facts that only alerts need are read here.

    Raises:
        CatalogError: the catalog cannot be read.
    """
    reader, desired = execution.reader, execution.desired
    findings = Findings(
        setbacks=reader.setbacks(),
        damaged=reader.damaged_copies(),
        uncovered=reader.uncovered_tables(),
        running=read_running(desired, seen, reader),
        undelivered=undelivered,
        problems=concerns.problems,
        problems_since=concerns.since,
        others=find_storage_troubles(desired, reader.space(), now=seen.now),
    )
    return find_troubles(desired, seen, findings)


def record_changes(changes: Sequence[IncidentChange], execution: Execution, now: datetime) -> None:
    """Record changes of incidents, each with its log entry, and forget what is long over.

    Raises:
        CatalogError: the catalog cannot be written.
    """
    if changes:
        execution.writer.record_incidents(
            [replace(change, entry=_entry_of(change, execution)) for change in changes]
        )
        execution.writer.tidy_outbox(before=now - KEPT)


def _entry_of(change: IncidentChange, execution: Execution) -> LogEntry | None:
    message, incident = change.message, change.after
    if message is None or incident is None or message.alert.kind not in _OUTCOMES:
        return None
    kind = message.alert.kind
    detail = {
        "event": incident.cause.event.value,
        "channel": str(incident.channel),
        "incident": kind.value,
        "code": incident.error.code,
    }
    subject = message.alert.cause.subject
    return execution.log_entry(LogAction.ALERT, subject, _OUTCOMES[kind], detail)


def _recover_catalog(followed: Followed, told_at: datetime) -> tuple[IncidentChange, ...]:
    """What was told directly, for want of a catalog, is over as soon as it can be written."""
    error = CatalogError("the catalog could not be used", next_step="see the log for the cause")
    trouble = catalog_trouble(error, followed.desired, told_at)
    # Which of the catalog's errors it was, nobody could write down.
    trouble = replace(trouble, error=replace(trouble.error, code=""))
    return recover_unrecorded(
        trouble.cause, told_at, replace(followed, troubles=(*followed.troubles, trouble))
    )


def _write_digests(followed: Followed, execution: Execution) -> Iterator[IncidentChange]:
    due = due_digests(followed.desired, followed.seen)
    if not due or followed.moment is Moment.BEGINNING:
        return
    reader = execution.reader
    written = {message.id for message in reader.messages(since=followed.now - 2 * LATEST)}
    for digest in due:
        if digest_id(digest.channel, digest.slot) not in written:
            facts = DigestFacts(
                seen=followed.seen,
                troubles=followed.troubles,
                totals=reader.totals(since=digest.since),
                space=measured_until(followed.now, reader.space()),
            )
            yield write_digest(digest, facts)
