"""Rows of incidents and messages become values of the model here, and values become rows."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping

from orchestrator.catalog.sql.columns import require_utc
from orchestrator.catalog.sql.outbox.documents import (
    actor_of_document,
    alert_of_document,
    document_of_actor,
    document_of_alert,
    document_of_error,
    document_of_series,
    error_of_document,
    series_of_document,
)
from orchestrator.model.alert import Cause
from orchestrator.model.incident import Incident, Message
from orchestrator.model.names import ChannelName

Row = Mapping[str, Any]

_PLAIN_INCIDENT_COLUMNS = (
    *("opened_at", "since", "told_at", "reopened", "gone_since", "recovered_at", "version"),
)
_PLAIN_MESSAGE_COLUMNS = (
    *("id", "created_at", "next_attempt_at", "state", "attempts", "claimed_until", "answer"),
    *("ended_at", "version"),
)


def key_of_incident(incident: Incident) -> Row:
    """Given an incident, return the columns that tell it from others."""
    cause = incident.cause
    return {"event": cause.event, "subject": cause.subject, "channel": incident.channel}


def row_of_incident(incident: Incident) -> Row:
    """Given an incident, return its row."""
    return {
        **key_of_incident(incident),
        **{name: getattr(incident, name) for name in _PLAIN_INCIDENT_COLUMNS},
        "series": document_of_series(incident.series),
        "error": document_of_error(incident.error),
        "told_before": [require_utc(at).isoformat() for at in incident.told_before],
    }


def incident_of(row: RowMapping) -> Incident:
    """Given a row of ``incidents``, return the incident."""
    return Incident(
        cause=Cause(row["event"], row["subject"]),
        channel=ChannelName(row["channel"]),
        series=series_of_document(row["series"]),
        error=error_of_document(row["error"]),
        told_before=tuple(map(datetime.fromisoformat, row["told_before"])),
        **{name: row[name] for name in _PLAIN_INCIDENT_COLUMNS},
    )


def row_of_message(message: Message) -> Row:
    """Given a message, return its row."""
    return {
        "event": message.about.event,
        "subject": message.about.subject,
        "channel": message.channel,
        "alert": document_of_alert(message.alert),
        "claimed_by": document_of_actor(message.claimed_by),
        **{name: getattr(message, name) for name in _PLAIN_MESSAGE_COLUMNS},
    }


def message_of(row: RowMapping) -> Message:
    """Given a row of ``outbox``, return the message."""
    return Message(
        about=Cause(row["event"], row["subject"]),
        channel=ChannelName(row["channel"]),
        alert=alert_of_document(row["alert"]),
        claimed_by=actor_of_document(row["claimed_by"]),
        **{name: row[name] for name in _PLAIN_MESSAGE_COLUMNS},
    )
