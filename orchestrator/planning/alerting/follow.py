"""What becomes of incidents, and what is said about them. Pure.

An incident is kept for each channel on its own, because each hears of other series at other
intervals. Its story is: opened, reminders, recovered. One that comes back shortly after its
recovery was told is opened once more, and then recovers only after it stayed away for longer each
time, so that something that flaps makes a few messages and not hundreds.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum

from orchestrator.model.alert import Alert, AlertKind, Cause, Trouble
from orchestrator.model.incident import Incident, IncidentChange
from orchestrator.model.names import ChannelName, Series
from orchestrator.model.observation import Observation
from orchestrator.model.policy import DesiredState
from orchestrator.planning.alerting.endings import (
    Heard,
    lasts_unheard,
    list_successors,
    list_watched,
    why_unwatched,
)
from orchestrator.planning.alerting.letters import list_last_good, message_of, narrowed
from orchestrator.planning.alerting.routes import Notice, route_troubles
from orchestrator.planning.clocks import CLOCK_TOLERANCE
from orchestrator.planning.phrases import say_duration, say_time

GROWTH_AFTER = timedelta(minutes=5)
"""An incident that hits more series than were told is told again: what breaks them, breaks them
within minutes, so a message that names all is worth waiting for."""

MOST_AN_HOUR = 3
"""So many messages about one incident does a channel get within an hour, besides the reminders
that somebody asked for."""

HOUR = timedelta(hours=1)

FLAPPING_WITHIN = timedelta(hours=6)
"""What comes back within this after its recovery is the same trouble again."""

STEADY = tuple(timedelta(hours=hours) for hours in (0, 1, 2, 4, 6))
"""How long a trouble must stay away before its recovery is told, by how often it came back."""

Key = tuple[Cause, ChannelName]


class Moment(Enum):
    """Where a pass stands when incidents are followed."""

    BEGINNING = "beginning"
    """More will be known soon: reminders can wait until then."""
    BETWEEN = "between"
    """The next look is minutes away at most."""
    END = "end"
    """Nobody knows when the next look is: what is not said now may be said in a day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """Everything that the next step of incidents follows from.

    ``known`` are the incidents of the catalog, closed ones included, read at ``read_at`` or a little
    before (None: at the time of ``seen``). ``waiting`` are those whose last message was not
    delivered yet. ``fallback`` can be told things, too.
    """

    desired: DesiredState
    seen: Observation
    troubles: Sequence[Trouble]
    known: Sequence[Incident]
    read_at: datetime | None = None
    waiting: Collection[Key] = ()
    fallback: ChannelName | None = None
    moment: Moment = Moment.BETWEEN

    @property
    def now(self) -> datetime:
        """The one moment of the pass."""
        return self.seen.now

    def can_be_told(self, channel: ChannelName) -> bool:
        """Whether a channel is declared."""
        return channel in self.desired.channels or channel == self.fallback


def follow_incidents(whole: Followed) -> tuple[IncidentChange, ...]:
    """Return what becomes of each incident now, and what is said about it; nothing: no change.

    - A trouble that a channel is to know of, and has no open incident there, opens one.
    - One that lasts is told again every ``remind_every``, and once it hits series, or holds
      findings, that were not told, a few minutes later; nothing is added while the channel has not
      even taken the last.
    - One that is not seen any more ends, at once or after it stayed away long enough. Only if
      nothing else of its event is wrong with its series they are said to be well again; else the
      other cause is told instead. Nobody is told that something is well which is not looked at.
    - Who was told that it opened is told that it ended, whatever became of the route; a channel
      that is not declared any more is told nothing.
    """
    notices = route_troubles(whole.troubles, whole.desired, fallback=whole.fallback)
    known = {(incident.cause, incident.channel): incident for incident in whole.known}
    changes = (
        _follow(notices.get(key), known.get(key), whole, notices.keys())
        for key in sorted(
            {*notices, *known}, key=lambda key: (key[0].event.value, *key[1:], key[0].subject)
        )
    )
    return tuple(change for change in changes if change is not None)


def recover_unrecorded(
    cause: Cause, since: datetime, whole: Followed
) -> tuple[IncidentChange, ...]:
    """Return the recovery of a trouble that was told directly, for want of a catalog.

    It goes to every channel that failures of some policy are routed to.
    """
    known = {(incident.cause, incident.channel): incident for incident in whole.known}
    notices = route_troubles([t for t in whole.troubles if t.cause == cause], whole.desired)
    return tuple(_close_unrecorded(notice, since, known, whole) for notice in notices.values())


def _close_unrecorded(
    notice: Notice, since: datetime, known: Mapping[Key, Incident], whole: Followed
) -> IncidentChange:
    before = known.get((notice.trouble.cause, notice.channel))
    opened = _opened(notice, before, whole)
    return _end(before, replace(opened, opened_at=since, since=since), whole)


# ------------------------------------------------------------------ one incident
def _follow(
    notice: Notice | None, before: Incident | None, whole: Followed, heard: Heard
) -> IncidentChange | None:
    if before is not None and _has_spoken_since(before, whole):
        return None
    if before is None or not before.is_open:
        return None if notice is None else _open(notice, before, whole, heard)
    if notice is None and not _lasts_unrouted(before, whole, heard):
        return _let_go(before, whole)
    after = replace(before, gone_since=None)
    told = None if notice is None else _tell_again(notice, after, whole)
    if told is None and before.gone_since is None:
        return None
    alert = None
    if told is not None:
        after, alert = told
    return _change(before, after, alert)


def _has_spoken_since(incident: Incident, whole: Followed) -> bool:
    """Whether another process looked later than this one, which was frozen perhaps, and has spoken.

    What was told at a time that is still to come was told by a clock that was ahead.
    """
    spoken_at = max(incident.told_at, incident.recovered_at or incident.told_at)
    is_later = spoken_at > whole.now
    return is_later and spoken_at - (whole.read_at or whole.now) <= CLOCK_TOLERANCE


def _lasts_unrouted(incident: Incident, whole: Followed, heard: Heard) -> bool:
    """Whether what a channel was told of lasts, although it is not to know of it by itself now.

    Nothing sends it there any more, or it follows from another trouble since.
    """
    return lasts_unheard(incident, whole.troubles, heard) or any(
        not incident.series or bool(set(incident.series) & set(trouble.series))
        for trouble in whole.troubles
        if trouble.cause == incident.cause or incident.cause.event in trouble.also
    )


def _open(notice: Notice, before: Incident | None, whole: Followed, heard: Heard) -> IncidentChange:
    after = _opened(notice, before, whole)
    facts = [
        ("Before", f"{one.cause.subject}, since {say_time(one.since)}")
        for one in whole.known
        if one.is_open
        and one.channel == notice.channel
        and (one.cause, one.channel) not in heard
        and list_successors(one, [notice.trouble])
    ]
    if after.reopened and before is not None and before.recovered_at is not None:
        closed = say_time(before.recovered_at)
        facts.append(("Came back", f"its last incident was closed at {closed}"))
    return _change(before, after, _write(AlertKind.OPENED, notice, whole, tuple(facts)))


def _opened(notice: Notice, before: Incident | None, whole: Followed) -> Incident:
    trouble, came_back = notice.trouble, 0
    if before is not None and before.recovered_at is not None:
        lately = whole.now - before.recovered_at <= FLAPPING_WITHIN
        came_back = before.reopened + 1 if lately else 0
    return Incident(
        cause=trouble.cause,
        channel=notice.channel,
        opened_at=whole.now,
        since=trouble.since,
        series=trouble.series,
        error=trouble.error,
        told_at=whole.now,
        told_before=() if before is None else (*before.told_before, before.told_at)[-2:],
        reopened=came_back,
        version=before.version if before else 0,
    )


def _tell_again(
    notice: Notice, incident: Incident, whole: Followed
) -> tuple[Incident, Alert] | None:
    if (incident.cause, incident.channel) in whole.waiting:
        return None
    more = _list_new(notice.trouble, incident, whole)
    if not _is_due(notice, incident, whole) and not (more and _may_grow(incident, whole)):
        return None
    after = replace(
        incident,
        series=notice.trouble.series,
        error=notice.trouble.error,
        told_at=whole.now,
        told_before=(*incident.told_before, incident.told_at)[1 - MOST_AN_HOUR :],
    )
    facts = [("First told", say_time(incident.opened_at))]
    if more:
        facts.append(("New", more))
    return after, _write(AlertKind.REMINDER, notice, whole, tuple(facts))


def _list_new(trouble: Trouble, incident: Incident, whole: Followed) -> str:
    """Return what was not told yet, in words; nothing if all was.

    What was found at a time that is still to come, a clock found that was ahead.
    """
    series = set(trouble.series) - set(incident.series)
    if series:
        return f"{len(series)} more since it was told last"
    return ", ".join(thing for thing, at in trouble.found if incident.told_at < at <= whole.now)


def _is_due(notice: Notice, incident: Incident, whole: Followed) -> bool:
    since_told = whole.now - incident.told_at
    # A clock that was ahead when it was told must not silence it until it is there again.
    is_over = since_told >= notice.remind_every or since_told < -CLOCK_TOLERANCE
    return is_over and whole.moment is not Moment.BEGINNING


def _may_grow(incident: Incident, whole: Followed) -> bool:
    told = (*incident.told_before, incident.told_at)
    lately = sum(whole.now - at < HOUR for at in told)
    is_gathered = whole.now - incident.told_at >= GROWTH_AFTER or whole.moment is Moment.END
    return lately < MOST_AN_HOUR and is_gathered


def _let_go(before: Incident, whole: Followed) -> IncidentChange | None:
    gone_since = before.gone_since or whole.now
    steady = STEADY[min(before.reopened, len(STEADY) - 1)]
    if whole.now - gone_since >= steady:
        return _end(before, before, whole)
    if before.gone_since is not None:
        return None
    return _change(before, replace(before, gone_since=gone_since), None)


def _end(before: Incident | None, incident: Incident, whole: Followed) -> IncidentChange:
    """Close an incident; who was told of it is told so, unless another cause of its event lasts."""
    after = replace(incident, recovered_at=whole.now, gone_since=None)
    why = why_unwatched(incident, whole.desired)
    if not whole.can_be_told(incident.channel) or (
        why is None and list_successors(incident, whole.troubles)
    ):
        return _change(before, after, None)
    alert = _write_unwatched(incident, why, whole) if why else _write_recovered(incident, whole)
    return _change(before, replace(after, told_at=whole.now), alert)


def _write_recovered(incident: Incident, whole: Followed) -> Alert:
    watched = list_watched(incident, whole.desired)
    ended = incident.gone_since or whole.now
    facts = [("Lasted", say_duration(ended - incident.since))]
    gone = [str(series) for series in incident.series if series not in watched]
    if gone:
        facts.append(("No longer watched", ", ".join(gone)))
    return _write_end(AlertKind.RECOVERED, incident, watched, facts, whole)


def _write_unwatched(incident: Incident, why: str, whole: Followed) -> Alert:
    facts = [("Why", f"{why}; nothing was mended")]
    return _write_end(AlertKind.UNWATCHED, incident, incident.series, facts, whole)


def _write_end(
    kind: AlertKind,
    incident: Incident,
    series: Sequence[Series],
    facts: Sequence[tuple[str, str]],
    whole: Followed,
) -> Alert:
    return Alert(
        kind=kind,
        cause=narrowed(incident.cause, series),
        series=tuple(series),
        at=whole.now,
        since=incident.since,
        error=incident.error,
        next_command="orchestrator status",
        last_good=list_last_good(series, whole.seen),
        facts=tuple(facts),
    )


# ------------------------------------------------------------------ parts
def _write(
    kind: AlertKind, notice: Notice, whole: Followed, facts: tuple[tuple[str, str], ...]
) -> Alert:
    trouble = notice.trouble
    return Alert(
        kind=kind,
        cause=narrowed(trouble.cause, trouble.series),
        series=trouble.series,
        at=whole.now,
        since=trouble.since,
        error=trouble.error,
        next_command=trouble.next_command,
        last_good=list_last_good(trouble.series, whole.seen),
        facts=(*trouble.facts, *facts),
        short=trouble.short,
    )


def _change(before: Incident | None, after: Incident, alert: Alert | None) -> IncidentChange:
    after = replace(after, version=after.version + 1)
    message = None
    if alert is not None:
        message = message_of(alert, about=after.cause, channel=after.channel, version=after.version)
    return IncidentChange(before=before, after=after, message=message)
