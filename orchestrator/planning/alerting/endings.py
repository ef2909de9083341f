"""What it means that a trouble is not seen any more: mended, another cause by now, or not looked at.

Only the first is a success. Who reads `[OK]` on a telephone reads no further.
"""

from collections.abc import Collection, Sequence

from orchestrator.model.alert import Cause, Trouble
from orchestrator.model.incident import Incident
from orchestrator.model.names import ChannelName, DatabaseName, DestinationName, Series
from orchestrator.model.policy import DesiredState, Event, OnUncovered, Policy
from orchestrator.planning.alerting.causes import server_of

Heard = Collection[tuple[Cause, ChannelName]]
"""Who is to know of what now."""


def list_watched(incident: Incident, desired: DesiredState) -> tuple[Series, ...]:
    """Return those of an incident's series that a policy still stands for."""
    watched = {series for policy in desired.policies.values() for series in policy.series}
    return tuple(series for series in incident.series if series in watched)


def list_successors(incident: Incident, troubles: Sequence[Trouble]) -> list[Trouble]:
    """Return what keeps an incident's series from being well, but for another cause of its event."""
    return [
        trouble
        for trouble in troubles
        if trouble.cause.event is incident.cause.event
        and trouble.cause != incident.cause
        and set(trouble.series) & set(incident.series)
    ]


def lasts_unheard(incident: Incident, troubles: Sequence[Trouble], heard: Heard) -> bool:
    """Whether a channel would never learn what became of what it was told.

    Another cause took its place, and nothing sends that one there.
    """
    successors = list_successors(incident, troubles)
    return bool(successors) and all(
        (one.cause, incident.channel) not in heard for one in successors
    )


def why_unwatched(incident: Incident, desired: DesiredState) -> str | None:
    """Return why nobody looks at what an incident is about any more, or None if somebody does."""
    subject, policies = incident.cause.subject, desired.policies.values()
    match incident.cause.event:
        case Event.CHANNEL_FAILING:
            is_declared = ChannelName(subject.removeprefix("channel ")) in desired.channels
            return None if is_declared else _CHANNEL
        case Event.LOW_STORAGE:
            return _why_unlimited(DestinationName(subject.removeprefix("destination ")), desired)
        case Event.UNCOVERED if all(map(_ignores_uncovered, _policies_of(incident, desired))):
            return _IGNORED if _policies_of(incident, desired) else _why_unnamed(incident, desired)
        case Event.FAILED if not incident.series:
            is_listed = any(subject in _subjects_of(policy) for policy in policies)
            return None if is_listed else "no policy looks for databases there any more"
        case _:
            return _why_unnamed(incident, desired)


_CHANNEL = "the channel is not declared any more; what waited for it was given up"
_IGNORED = "the policy says `on_uncovered: ignore` now"


def _why_unlimited(name: DestinationName, desired: DesiredState) -> str | None:
    place = desired.destinations.get(name)
    if place is None or not any(name in one.destinations for one in desired.policies.values()):
        return "no policy uses the destination any more"
    return "the destination has no `low_storage` any more" if place.low_storage is None else None


def _why_unnamed(incident: Incident, desired: DesiredState) -> str | None:
    if not incident.series or list_watched(incident, desired):
        return None
    gone = sorted({one.policy for one in incident.series if one.policy not in desired.policies})
    if len(gone) == 1:
        return f"no policy file names the policy {gone[0]} any more"
    if gone:
        return f"no policy file names any of {len(gone)} policies any more"
    first, others = incident.series[0], len(incident.series) - 1
    more = f" and {others} more" if others else ""
    return f"the policy {first.policy} does not stand for {first}{more} any more"


def _policies_of(incident: Incident, desired: DesiredState) -> list[Policy]:
    return [desired.policies[one.policy] for one in list_watched(incident, desired)]


def _ignores_uncovered(policy: Policy) -> bool:
    return policy.tables.on_uncovered is OnUncovered.IGNORE


def _subjects_of(policy: Policy) -> tuple[str, ...]:
    """What it may be about that a policy's patterns could not be looked up."""
    source = policy.source
    if not source.patterns:
        return ()
    return server_of(policy), str(Series(policy.name, DatabaseName(", ".join(source.patterns))))
