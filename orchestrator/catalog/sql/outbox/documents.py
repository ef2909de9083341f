"""Alerts as JSON and back: what lies in the outbox outlives the process that wrote it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from orchestrator.catalog.sql.columns import require_utc
from orchestrator.model.alert import Alert, AlertKind, Cause
from orchestrator.model.names import DatabaseName, PolicyName, Series
from orchestrator.model.policy import Event
from orchestrator.model.run import Actor, ErrorReport

Document = Mapping[str, Any]


def document_of_alert(alert: Alert) -> Document:
    """Given an alert, return it as a JSON document."""
    return {
        "kind": alert.kind.value,
        "event": alert.cause.event.value,
        "subject": alert.cause.subject,
        "series": document_of_series(alert.series),
        "at": require_utc(alert.at).isoformat(),
        "since": require_utc(alert.since).isoformat(),
        "error": document_of_error(alert.error),
        "next_command": alert.next_command,
        "short": alert.short,
        "last_good": [
            [series.policy, series.database, words] for series, words in alert.last_good.items()
        ],
        "facts": [list(fact) for fact in alert.facts],
    }


def alert_of_document(document: Document) -> Alert:
    """Given the JSON document of an alert, return the alert."""
    return Alert(
        kind=AlertKind(document["kind"]),
        cause=Cause(Event(document["event"]), document["subject"]),
        series=series_of_document(document["series"]),
        at=datetime.fromisoformat(document["at"]),
        since=datetime.fromisoformat(document["since"]),
        error=error_of_document(document["error"]),
        next_command=document["next_command"],
        short=document.get("short"),
        last_good={
            Series(PolicyName(policy), DatabaseName(database)): words
            for policy, database, words in document["last_good"]
        },
        facts=tuple((label, text) for label, text in document["facts"]),
    )


def document_of_series(series: Sequence[Series]) -> Sequence[Sequence[str]]:
    """Given series, return them as pairs of policy and database."""
    return [[one.policy, one.database] for one in series]


def series_of_document(document: Sequence[Sequence[str]]) -> tuple[Series, ...]:
    """Given pairs of policy and database, return the series."""
    return tuple(
        Series(PolicyName(policy), DatabaseName(database)) for policy, database in document
    )


def document_of_error(error: ErrorReport) -> Document:
    """Given an error, return it as a JSON document."""
    return {"code": error.code, "what": error.what, "next_step": error.next_step}


def error_of_document(document: Document) -> ErrorReport:
    """Given the JSON document of an error, return the error."""
    return ErrorReport(**document)


def document_of_actor(actor: Actor | None) -> Document | None:
    """Given whoever claimed a message, return it as a JSON document."""
    if actor is None:
        return None
    return {
        "user": actor.user,
        "host": actor.host,
        "process": actor.process,
        "process_started": actor.process_started,
        "boot_id": actor.boot_id,
    }


def actor_of_document(document: Document | None) -> Actor | None:
    """Given the JSON document of whoever claimed a message, return it."""
    return None if document is None else Actor(**document)
