"""From what was observed to incidents and messages in the catalog (docs/adr/0014)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from orchestrator.errors import CatalogError
from orchestrator.execution.context import Execution
from orchestrator.execution.tell_without_catalog import catalog_trouble
from orchestrator.model.alert import AlertKind, Trouble
from orchestrator.model.incident import Incident, IncidentChange, Message
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
from orchestrator.planning.storage import find_storage_troubles

KEPT = timedelta(days=90)
"""How long what was sent, and incidents that are over, stay known."""

_OUTCOMES = {AlertKind.OPENED: LogOutcome.FAILED, AlertKind.RECOVERED: LogOutcome.SUCCEEDED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Concerns:
    """What is wrong beyond the catalog, and when it is asked for.

    ``problems`` are those of policy files that cannot be put in force, since ``since``.
    """

    problems: Sequence[str] = ()
    since: datetime | None = None
    moment: Moment = Moment.BETWEEN


BEGINNING, END = Concerns(moment=Moment.BEGINNING), Concerns(moment=Moment.END)


def note_troubles(
    seen: Observation, execution: Execution, concerns: Concerns
) -> tuple[Trouble, ...]:
    """Record what became of every incident, and queue what is to be said; return what is wrong.

    It decides from state alone: after a crash at any point the next call comes to the same end,
    and a second call right after the first does nothing.

    Raises:
        CatalogError: the catalog cannot be read or written.
    """
    known, undelivered = execution.reader.incidents(), execution.reader.undelivered()
    troubles = list_troubles(seen, execution, concerns, undelivered)
    followed = Followed(
        desired=execution.desired,
        seen=seen,
        troubles=troubles,
        known=known,
        waiting={(message.about, message.channel) for message in undelivered},
        fallback=execution.fallback.name if execution.fallback else None,
        moment=concerns.moment,
    )
    changes = [*follow_incidents(followed), *_write_digests(followed, execution)]
    record_changes([*changes, *_recover_catalog(followed, execution)], execution, seen.now)
    execution.notes.forget()
    return troubles


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


def _recover_catalog(followed: Followed, execution: Execution) -> tuple[IncidentChange, ...]:
    """What was told directly, for want of a catalog, is over as soon as it can be written."""
    told_at = execution.notes.told_at()
    if told_at is None:
        return ()
    error = CatalogError("the catalog could not be used", next_step="see the log for the cause")
    trouble = catalog_trouble(error, followed.desired, told_at)
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
                space=reader.space(),
            )
            yield write_digest(digest, facts)


def list_open(incidents: Sequence[Incident]) -> Sequence[Incident]:
    """Return the incidents that are not over."""
    return [incident for incident in incidents if incident.is_open]
