"""Builders of alerts, incidents and messages."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from orchestrator.model.alert import Alert, AlertKind, Cause, Trouble
from orchestrator.model.incident import Incident, Message
from orchestrator.model.names import ChannelName, Series
from orchestrator.model.policy import Event
from tests.support.builders import a_series, an_error_report

NOON = datetime(2026, 11, 22, 12, 0, 0, 123456, tzinfo=UTC)


def a_cause(subject: str = "practice/app", event: Event = Event.FAILED) -> Cause:
    return Cause(event, subject)


def a_trouble(
    subject: str = "practice/app",
    event: Event = Event.FAILED,
    *,
    series: Iterable[Series] | None = None,
    since: datetime = NOON,
    also: Iterable[Event] = (),
) -> Trouble:
    return Trouble(
        cause=Cause(event, subject),
        series=(a_series(),) if series is None else tuple(series),
        since=since,
        error=an_error_report(),
        next_command="orchestrator apply",
        also=frozenset(also),
    )


def an_alert(
    cause: Cause | None = None, *, at: datetime = NOON, kind: AlertKind = AlertKind.OPENED
) -> Alert:
    series = a_series()
    return Alert(
        kind=kind,
        cause=cause or a_cause(),
        series=(series,),
        at=at,
        since=at - timedelta(hours=1),
        error=an_error_report(),
        next_command="orchestrator apply",
        last_good={series: "none: this series has never had a backup"},
        facts=(("First told", "a while ago"),),
    )


def a_message(
    at: datetime = NOON,
    *,
    about: Cause | None = None,
    channel: str = "ops",
    alert: Alert | None = None,
) -> Message:
    alert = alert or an_alert(about, at=at)
    said = f"{at} {alert.cause} {channel} {alert.kind}"
    return Message(
        id=sha256(said.encode()).hexdigest()[:12],
        about=alert.cause,
        channel=ChannelName(channel),
        alert=alert,
        created_at=at,
        next_attempt_at=at,
    )


def an_incident(cause: Cause | None = None, *, at: datetime = NOON) -> Incident:
    return Incident(
        cause=cause or a_cause(),
        channel=ChannelName("ops"),
        opened_at=at,
        since=at - timedelta(hours=1),
        series=(a_series(),),
        error=an_error_report(),
        told_at=at,
        told_before=(at - timedelta(minutes=5),),
    )
