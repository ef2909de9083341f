"""Who is told, about what, how often; and the dead man's switch of a policy."""

import re
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path

from orchestrator.model.names import ChannelName
from orchestrator.model.policy import REMIND_EVERY, AlertRoute, Event
from orchestrator.model.secret import Secret
from orchestrator.policy.interpolation import SecretReader
from orchestrator.policy.names import Names
from orchestrator.policy.problems import Place, ProblemLog, quoted
from orchestrator.policy.reading.section import Section, Text
from orchestrator.policy.syntax.cron import CronSyntaxError, check_cron
from orchestrator.policy.syntax.durations import parse_duration

ALL = "all"
SENSIBLE_REMINDER = timedelta(minutes=10)
"""More often than this is a flood, and a flood is not read."""

INDISPENSABLE = (Event.FAILED, Event.MISSED)
"""Without these nobody learns that there are no backups any more."""

HEARTBEAT_URL = re.compile(r"https?://[^/\s]+", re.IGNORECASE)


def interpret_routes(owner: Section, names: Names, log: ProblemLog) -> tuple[AlertRoute, ...]:
    """Return the routes under ``alerts`` of a policy, or of the settings, that are right.

    What is wrong with them is reported; routes that leave out what nobody can do without, or tell
    one channel the same thing twice, are warned about.
    """
    routes = tuple(_routes(owner, names, log))
    _warn_about_repetition(owner, routes, log)
    _warn_about_silence(owner.place_of("alerts"), routes, log)
    return routes


def _routes(owner: Section, names: Names, log: ProblemLog) -> Iterator[AlertRoute]:
    for section in owner.sections("alerts"):
        channel = section.text("to")
        if channel is None:
            continue
        names.check("channels", channel, log)
        digest = _digest(section, log)
        yield AlertRoute(
            to=ChannelName(channel.value),
            on=_events(section.texts("on"), has_digest=section.has("digest"), log=log),
            remind_every=_reminder(section.text("remind_every"), log),
            digest=digest,
        )


def _events(written: Sequence[Text], *, has_digest: bool, log: ProblemLog) -> frozenset[Event]:
    words = {text.value: text for text in written}
    if Event.DIGEST.value in words and not has_digest:
        log.report(
            words[Event.DIGEST.value].place,
            "nobody would ever be sent this digest: it has no times",
            'add `digest: {cron: "0 8 * * 1"}` beside `on`',
        )
    if ALL in words:
        return frozenset(Event)
    asked = frozenset(Event(word) for word in words)
    # Who declares the times of a digest wants it.
    return asked | {Event.DIGEST} if has_digest else asked


def _digest(section: Section, log: ProblemLog) -> str | None:
    written = section.section("digest").text("cron")
    if written is None:
        return None
    try:
        return check_cron(written.value)
    except CronSyntaxError as error:
        log.report(written.place, str(error), error.hint)
        return None


def _reminder(written: Text | None, log: ProblemLog) -> timedelta:
    if written is None:
        return REMIND_EVERY
    every = parse_duration(written.value)
    if every < SENSIBLE_REMINDER:
        log.warn_about(
            written.place,
            f"a reminder every {written.value} is a flood that nobody reads",
            "an hour or more is usual",
        )
    return every


def _warn_about_repetition(owner: Section, routes: Sequence[AlertRoute], log: ProblemLog) -> None:
    told: set[tuple[ChannelName, Event]] = set()
    for route in routes:
        twice = sorted(event.value for event in route.on if (route.to, event) in told)
        told |= {(route.to, event) for event in route.on}
        if twice:
            log.warn_about(
                owner.place_of("alerts"),
                f"two routes tell {quoted(route.to)} about {quoted(twice[0])}",
                "one route for each channel is enough",
            )


def _warn_about_silence(place: Place, routes: Sequence[AlertRoute], log: ProblemLog) -> None:
    if not routes:
        return
    told = frozenset[Event]().union(*(route.on for route in routes))
    for event in INDISPENSABLE:
        if event not in told:
            log.warn_about(
                place,
                f"nobody is told about {quoted(event.value)}",
                f"add {quoted(event.value)} to `on` of one of the alerts, or make it `[all]`",
            )


def interpret_heartbeat(policy: Section, secrets: SecretReader, folder: Path) -> Secret | None:
    """Return the address that is pinged while every promise holds, or None if none is declared."""
    written = policy.section("heartbeat").text("url")
    secret = None if written is None else secrets.read(written, folder)
    # Without its value (`--without-secrets`) there is nothing to look at.
    if written is None or secret is None or not secret.reveal():
        return secret
    if not HEARTBEAT_URL.match(secret.reveal()):
        # A heartbeat that can never arrive would alarm for ever; the value is a secret.
        secrets.log.report(
            written.place,
            "the value of `url` is not the address of a heartbeat",
            "such as `https://hc-ping.com/UUID`",
        )
        return None
    return secret
