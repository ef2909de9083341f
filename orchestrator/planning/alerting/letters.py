"""From an incident to the message that is queued for its channel. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import sha256

from orchestrator.model.alert import Alert, AlertKind, Cause
from orchestrator.model.backup import Backup
from orchestrator.model.incident import Message
from orchestrator.model.names import ChannelName, Series
from orchestrator.model.observation import Observation
from orchestrator.model.policy import Event
from orchestrator.planning.alerting.causes import PRUNING, SCHEDULES
from orchestrator.planning.phrases import say_age

MOST_LAST_GOOD = 10
"""The last good backups of so many series are told; a list of hundreds helps nobody."""

_ID_DIGITS = 12


def narrowed(cause: Cause, series: Sequence[Series]) -> Cause:
    """Return a cause as it is said to people: with one series alone, that series is the subject.

    What one thing breaks keeps its name (a destination, a server, a channel): it is the news.
    """
    is_gathered = cause.subject in (SCHEDULES, PRUNING) or cause.event is Event.UNCOVERED
    return Cause(cause.event, str(series[0])) if is_gathered and len(series) == 1 else cause


def message_of(alert: Alert, *, about: Cause, channel: ChannelName, version: int) -> Message:
    """Return an alert as a new message for a channel.

    It is known by the ``version`` of the incident that it tells of, and not by its time alone: a
    clock that was set back shows the same instant twice (found by the simulator, seed 1148).
    """
    at = f"{version} {alert.at.isoformat()}"
    said = (about.event.value, about.subject, channel, alert.kind.value, at)
    return Message(
        id=sha256("\0".join(said).encode()).hexdigest()[:_ID_DIGITS],
        about=about,
        channel=channel,
        alert=alert,
        created_at=alert.at,
        next_attempt_at=alert.at,
    )


def digest_message(alert: Alert, *, channel: ChannelName, slot: datetime) -> Message:
    """Return a digest as a message for a channel; there is one of each slot."""
    return Message(
        id=digest_id(channel, slot),
        about=alert.cause,
        channel=channel,
        alert=alert,
        created_at=alert.at,
        next_attempt_at=alert.at,
    )


def digest_id(channel: ChannelName, slot: datetime) -> str:
    """Return the id of the digest of a slot at a channel."""
    said = (AlertKind.DIGEST.value, channel, slot.isoformat())
    return sha256("\0".join(said).encode()).hexdigest()[:_ID_DIGITS]


def list_last_good(series: Sequence[Series], seen: Observation) -> Mapping[Series, str]:
    """Return the last good backup of each of the first series, in words.

    One that a guard doubts is named only where there is no other: what vanished is not in it.
    """
    return {
        one: say_last_good(
            seen.series[one].unsuspicious or seen.series[one].newest,
            seen.series[one].backups,
            seen.now,
        )
        for one in series[:MOST_LAST_GOOD]
        if one in seen.series
    }


def say_last_good(backup: Backup | None, known: int, now: datetime) -> str:
    """Return the last good backup in words, or that there is none among so many known ones."""
    if backup is None:
        if not known:
            return "none: this series has never had a backup"
        return f"none: no copy of its {known} backups is intact"
    level = f"verified to {backup.level.label}" if backup.level else "not verified"
    doubt = ", suspicious" if backup.is_suspicious else ""
    return f"{backup.id}, {say_age(now - backup.snapshot_at)} old, {level}{doubt}"
