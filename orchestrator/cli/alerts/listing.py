"""``alerts list``: open incidents and the outbox."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import click

from orchestrator.cli.options import json_option
from orchestrator.cli.rendering import format_utc, print_json, print_table, printable
from orchestrator.model.incident import Incident, Message, MessageState
from orchestrator.settings import Settings
from orchestrator.wiring import open_reader, system_clock

SHOWN = timedelta(days=7)
"""Messages that were sent longer ago are not listed, except with --all."""

_WORDS = {
    MessageState.QUEUED: "queued",
    MessageState.SENDING: "sending",
    MessageState.SENT: "sent",
    MessageState.GIVEN_UP: "given up",
}


@click.command("list")
@click.option("--all", "every", is_flag=True, help="Also what was sent more than 7 days ago.")
@json_option
@click.pass_obj
def list_command(settings: Settings, *, every: bool, as_json: bool) -> None:
    """Show open incidents, and what is queued, failing, sent, and given up."""
    reader, now = open_reader(settings), system_clock().now()
    listed = reader.messages()
    messages = [one for one in listed if every or not _is_old(one, since=now - SHOWN)]
    incidents = [incident for incident in reader.incidents() if incident.is_open]
    if as_json:
        print_json(
            {
                "version": 1,
                "incidents": list(map(_incident_document, incidents)),
                "messages": list(map(_message_document, messages)),
            }
        )
    else:
        _print_incidents(incidents)
        _print_messages(messages)


def _is_old(message: Message, *, since: datetime) -> bool:
    return message.ended_at is not None and message.ended_at < since


def word_of(message: Message) -> str:
    """Return where a message stands; one that failed and will be tried again is failing."""
    is_failing = message.attempts > 0 and message.state is MessageState.QUEUED
    return "failing" if is_failing else _WORDS[message.state]


def _print_incidents(incidents: Sequence[Incident]) -> None:
    if not incidents:
        click.echo("no incident is open")
    for incident in incidents:
        cause = incident.cause
        hit = f", {len(incident.series)} series" if len(incident.series) > 1 else ""
        click.echo(
            printable(
                f"open at {incident.channel} since {format_utc(incident.since)}:"
                f" {cause.event.value} {cause.subject}{hit}: {incident.error.what}"
            )
        )


def _print_messages(messages: Sequence[Message]) -> None:
    if not messages:
        click.echo("no message was written lately")
        return
    print_table(
        ("WRITTEN", "CHANNEL", "STATE", "KIND", "ABOUT", "ATTEMPTS", "ANSWER"),
        [
            (
                format_utc(message.created_at),
                message.channel,
                word_of(message),
                message.alert.kind.value,
                printable(f"{message.about.event.value} {message.alert.cause.subject}"),
                str(message.attempts),
                printable(message.answer),
            )
            for message in messages
        ],
    )


def _incident_document(incident: Incident) -> dict[str, object]:
    return {
        "event": incident.cause.event.value,
        "subject": incident.cause.subject,
        "channel": incident.channel,
        "since": format_utc(incident.since),
        "opened_at": format_utc(incident.opened_at),
        "told_at": format_utc(incident.told_at),
        "series": [{"policy": one.policy, "database": one.database} for one in incident.series],
        "code": incident.error.code,
        "what": incident.error.what,
    }


def _message_document(message: Message) -> dict[str, object]:
    ends = message.ended_at
    return {
        "id": message.id,
        "channel": message.channel,
        "state": word_of(message).replace(" ", "_"),
        "kind": message.alert.kind.value,
        "event": message.about.event.value,
        "subject": message.alert.cause.subject,
        "created_at": format_utc(message.created_at),
        "attempts": message.attempts,
        "next_attempt_at": None if ends else format_utc(message.next_attempt_at),
        "ended_at": format_utc(ends) if ends else None,
        "answer": message.answer,
    }
