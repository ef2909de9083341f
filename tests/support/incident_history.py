"""Walks incidents through time without a catalog: what was decided becomes what is known."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from orchestrator.model.alert import AlertKind, Cause, Trouble
from orchestrator.model.incident import Incident, Message
from orchestrator.model.names import ChannelName
from orchestrator.model.observation import Observation
from orchestrator.model.policy import AlertRoute, Channel, DesiredState, Event, Policy
from orchestrator.model.secret import Secret
from orchestrator.planning.alerting import Followed, Moment, follow_incidents
from tests.support.builders import a_desired_state, a_policy

START = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
ALL = frozenset(Event)


def a_route(
    to: str = "ops", on: Iterable[Event] = ALL, *, remind_every: timedelta = timedelta(hours=24)
) -> AlertRoute:
    return AlertRoute(to=ChannelName(to), on=frozenset(on), remind_every=remind_every)


def routed(*routes: AlertRoute, name: str = "practice") -> Policy:
    return replace(a_policy(name), alerts=routes or (a_route(),))


def in_force(*policies: Policy) -> DesiredState:
    """These policies, and every channel that they name."""
    desired = a_desired_state(*(policies or (routed(),)))
    names = {route.to for policy in policies or (routed(),) for route in policy.alerts}
    channels = {
        name: Channel(name=name, url=Secret("json://127.0.0.1", "${env:CHANNEL}")) for name in names
    }
    return replace(desired, channels=channels)


def an_observation(now: datetime = START) -> Observation:
    return Observation(now=now, series={}, schedules_since={}, applied_revision=None)


@dataclass
class History:
    """What is known at each moment, and everything that was said so far."""

    desired: DesiredState = field(default_factory=in_force)
    now: datetime = START
    known: dict[tuple[Cause, ChannelName], Incident] = field(default_factory=dict)
    said: list[Message] = field(default_factory=list)
    waiting: set[tuple[Cause, ChannelName]] = field(default_factory=set)

    def see(
        self,
        *troubles: Trouble,
        after: timedelta = timedelta(),
        moment: Moment = Moment.BETWEEN,
        looked: timedelta = timedelta(),
    ) -> list[AlertKind]:
        """Let time pass, see these troubles, and return the kinds of what is said.

        ``looked`` is how long ago whoever speaks looked: it was frozen since.
        """
        self.now += after
        changes = follow_incidents(
            Followed(
                desired=self.desired,
                seen=an_observation(self.now - looked),
                read_at=self.now,
                troubles=troubles,
                known=tuple(self.known.values()),
                waiting=self.waiting,
                moment=moment,
            )
        )
        for change in changes:
            assert change.after is not None
            key = change.after.cause, change.after.channel
            assert self.known.get(key) == change.before
            self.known[key] = change.after
        messages = [change.message for change in changes if change.message is not None]
        self.said += messages
        return [message.alert.kind for message in messages]
