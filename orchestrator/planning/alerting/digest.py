"""Summaries at fixed times: what was kept, what was taken, what needs care. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from orchestrator.model.alert import Alert, AlertKind, Cause, Trouble
from orchestrator.model.incident import IncidentChange, SeriesTotals
from orchestrator.model.names import ChannelName, DestinationName, Series
from orchestrator.model.observation import Observation
from orchestrator.model.policy import DesiredState, Event, Policy
from orchestrator.model.run import ErrorReport
from orchestrator.model.space import SpaceHistory
from orchestrator.planning.alerting.letters import digest_message, narrowed
from orchestrator.planning.phrases import count, say_size, say_time
from orchestrator.planning.promises import assess_promises
from orchestrator.planning.schedule import latest_slot

LATEST = timedelta(days=7)
"""A digest that is later than this is left out."""

_MOST = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class DueDigest:
    """A summary that a channel is to have: of these policies, for the slot, since the one before."""

    channel: ChannelName
    slot: datetime
    since: datetime
    policies: tuple[Policy, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestFacts:
    """What a digest is written from; ``totals`` are those since the slot before."""

    seen: Observation
    troubles: Sequence[Trouble]
    totals: Mapping[Series, SeriesTotals]
    space: Mapping[DestinationName, SpaceHistory]


def due_digests(desired: DesiredState, seen: Observation) -> tuple[DueDigest, ...]:
    """Return the newest summary of each channel whose time has come within the last seven days.

    Policies whose summaries fall on one time at one channel share it. A slot from before a policy
    was applied is not made up for. Which were written before is for the caller to know.
    """
    found: dict[tuple[ChannelName, datetime], tuple[datetime, list[Policy]]] = {}
    for policy in desired.policies.values():
        for channel, slot, since in _slots(policy, seen):
            if channel in desired.channels:
                found.setdefault((channel, slot), (since, []))[1].append(policy)
    return tuple(
        DueDigest(channel=channel, slot=slot, since=since, policies=tuple(policies))
        for (channel, slot), (since, policies) in sorted(found.items(), key=lambda item: item[0])
    )


def _slots(policy: Policy, seen: Observation) -> Iterator[tuple[ChannelName, datetime, datetime]]:
    applied = [since for key, since in seen.schedules_since.items() if key[0] == policy.name]
    for route in policy.alerts:
        if route.digest is None or not applied:
            continue
        slot = latest_slot(route.digest, policy.timezone, seen.now)
        if slot is None or slot < min(applied) or seen.now - slot > LATEST:
            continue
        before = latest_slot(route.digest, policy.timezone, slot - timedelta(seconds=1))
        yield route.to, slot, before or slot - LATEST


def write_digest(due: DueDigest, facts: DigestFacts) -> IncidentChange:
    """Return the summary as a message that is recorded at most once."""
    series = tuple(sorted(one for policy in due.policies for one in policy.series))
    names = ", ".join(sorted(policy.name for policy in due.policies)[:_MOST])
    promises, kept = _count_promises(due.policies, facts.seen)
    care = [trouble for trouble in facts.troubles if not trouble.series or _hits(trouble, series)]
    verdict = f"{kept} of {promises} promises kept, {_say_care(len(care))}"
    alert = Alert(
        kind=AlertKind.DIGEST,
        cause=Cause(Event.DIGEST, names),
        series=series,
        at=facts.seen.now,
        since=due.since,
        error=ErrorReport(code="", what=verdict, next_step=""),
        next_command="orchestrator status",
        facts=(
            ("Promises kept", f"{kept} of {promises}"),
            *_list_sizes(due, series, facts),
            ("Drills", "none"),
            *(("Needs care", _say_trouble(trouble)) for trouble in care[:_MOST]),
        ),
    )
    message = digest_message(alert, channel=due.channel, slot=due.slot)
    return IncidentChange(before=None, after=None, message=message)


def _say_trouble(trouble: Trouble) -> str:
    """Say what it is about, unless the words do, and how many databases it hits."""
    subject, what = narrowed(trouble.cause, trouble.series).subject, trouble.error.what
    number = len(trouble.series)
    if number <= 1:
        return what if subject in what else f"{subject}: {what}"
    return f"{subject} ({count(number, 'database')}): {trouble.short or what}"


def _say_care(number: int) -> str:
    return "nothing needs care" if not number else f"{count(number, 'trouble')} to look at"


def _hits(trouble: Trouble, series: Sequence[Series]) -> bool:
    return bool(set(trouble.series) & set(series))


def _count_promises(policies: Sequence[Policy], seen: Observation) -> tuple[int, int]:
    promises = [
        promise
        for policy in policies
        for series in policy.series
        if series in seen.series
        for promise in assess_promises(
            policy, seen.series[series], schedules_since=seen.schedules_since, now=seen.now
        )
    ]
    return len(promises), sum(promise.is_kept for promise in promises)


def _list_sizes(
    due: DueDigest, series: Sequence[Series], facts: DigestFacts
) -> Iterator[tuple[str, str]]:
    totals = [facts.totals[one] for one in series if one in facts.totals]
    taken, added = sum(one.taken for one in totals), sum(one.new_bytes for one in totals)
    yield (
        "Backups",
        (
            f"{taken} taken since {say_time(due.since)}, {say_size(added)} added;"
            f" {sum(one.listed for one in totals)} kept"
        ),
    )
    for name in sorted({place for policy in due.policies for place in policy.destinations}):
        yield from _say_room(name, facts.space.get(name), due.since)
    oldest = [one for one in totals if one.oldest is not None]
    for one in oldest[:_MOST]:
        if one.oldest is not None:
            yield "Oldest restore point", f"{one.series}: {say_time(one.oldest)}"


def _say_room(
    name: DestinationName, history: SpaceHistory | None, since: datetime
) -> Iterator[tuple[str, str]]:
    if history is None or history.latest is None:
        return
    latest = history.latest.space
    before = [one for one in history.measurements if one.at <= since]
    growth = ""
    if before:
        grown = latest.used - before[-1].space.used
        more = "more" if grown >= 0 else "less"
        growth = f", {say_size(abs(grown))} {more} than at {say_time(before[-1].at)}"
    yield (
        f"Destination {name}",
        f"{say_size(latest.used)} of {say_size(latest.whole)} used{growth}",
    )
