"""Who hears of what: troubles become notices, one per cause and channel."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from orchestrator.model.alert import Cause, Trouble
from orchestrator.model.names import ChannelName, Series
from orchestrator.model.policy import REMIND_EVERY, AlertRoute, DesiredState, Event, Policy
from orchestrator.planning.alerting.finding.beyond_series import channel_cause


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A trouble as one channel is to know of it.

    ``trouble.series`` are only those whose policies send it there. ``remind_every`` is the shortest
    that any of these policies declares for the channel.
    """

    channel: ChannelName
    trouble: Trouble
    remind_every: timedelta


def route_troubles(
    troubles: Sequence[Trouble], desired: DesiredState, *, fallback: ChannelName | None = None
) -> Mapping[tuple[Cause, ChannelName], Notice]:
    """Return who is to know of what now.

    A trouble with series goes where their policies send its event; one without, where any policy
    does. A failing channel is not told about itself; if no other channel asks for that event, all
    others are told, because silence would be worse. Invalid policy files that no policy routes to
    a channel go to ``fallback``, if there is one.
    """
    return {
        (notice.trouble.cause, notice.channel): notice
        for trouble in troubles
        for notice in _notices(trouble, desired, fallback)
    }


def _notices(
    trouble: Trouble, desired: DesiredState, fallback: ChannelName | None
) -> Iterator[Notice]:
    found = _collect(trouble, desired, trouble.also | {trouble.cause.event})
    if not found and trouble.cause.event is Event.CHANNEL_FAILING:
        found = _collect(trouble, desired, frozenset(Event))
    for channel, heard in found.items():
        yield Notice(
            channel=channel,
            trouble=replace(trouble, series=tuple(sorted(heard.series))),
            remind_every=heard.remind_every,
        )
    if not found and fallback is not None and trouble.cause.event is Event.POLICY_INVALID:
        yield Notice(channel=fallback, trouble=trouble, remind_every=REMIND_EVERY)


@dataclass(slots=True)
class _Heard:
    """What a channel hears of one trouble."""

    series: set[Series]
    remind_every: timedelta


def _collect(
    trouble: Trouble, desired: DesiredState, events: frozenset[Event]
) -> dict[ChannelName, _Heard]:
    heard: dict[ChannelName, _Heard] = {}
    for route, series in _routes(trouble, desired):
        is_itself = trouble.cause == channel_cause(route.to)
        if is_itself or not (route.on & events) or route.to not in desired.channels:
            continue
        known = heard.setdefault(route.to, _Heard(set(), route.remind_every))
        known.series |= series
        known.remind_every = min(known.remind_every, route.remind_every)
    return heard


def _routes(trouble: Trouble, desired: DesiredState) -> Iterator[tuple[AlertRoute, set[Series]]]:
    hit = set(trouble.series)
    for policy in _policies(trouble, desired):
        of_policy = {series for series in policy.series if series in hit}
        if of_policy or not hit:
            for route in policy.alerts:
                yield route, of_policy


def _policies(trouble: Trouble, desired: DesiredState) -> Sequence[Policy]:
    if not trouble.series:
        return list(desired.policies.values())
    names = sorted({series.policy for series in trouble.series})
    return [desired.policies[name] for name in names if name in desired.policies]
