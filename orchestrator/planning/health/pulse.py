"""Whether every promise of a policy holds: what its heartbeat tells."""

from collections.abc import Iterator
from dataclasses import dataclass

from orchestrator.model.names import PolicyName
from orchestrator.model.observation import Observation, SeriesObservation
from orchestrator.model.policy import Policy
from orchestrator.planning.phrases import say_duration, say_time
from orchestrator.planning.promises import (
    Promise,
    assess_promises,
    has_no_intact_copy,
    say_none_intact,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulse:
    """Whether every promise of a policy holds now, and in a few words why, or why not."""

    policy: PolicyName
    is_well: bool
    words: str


def promises_of(policy: Policy, seen: Observation) -> Iterator[Promise]:
    """Yield every promise of a policy, by series in the order declared."""
    for series in policy.series:
        yield from assess_promises(
            policy, seen.series[series], schedules_since=seen.schedules_since, now=seen.now
        )


def take_pulse(policy: Policy, seen: Observation) -> Pulse:
    """Tell whether every promise of a policy holds, and its newest backups are proved as promised.

    A series without any backup is not well, although no promise of it is broken yet: a dead man's
    switch is about what there is.
    """
    ailments = list(_ailments(policy, seen))
    if ailments:
        return Pulse(policy=policy.name, is_well=False, words="; ".join(ailments))
    newest = [one.newest for one in (seen.series[s] for s in policy.series) if one.newest]
    oldest = max((seen.now - backup.snapshot_at for backup in newest), default=None)
    age = "" if oldest is None else f", none older than {say_duration(oldest)}"
    words = f"every promise holds; {len(newest)} series proved as promised{age}"
    return Pulse(policy=policy.name, is_well=True, words=words)


def _ailments(policy: Policy, seen: Observation) -> Iterator[str]:
    yield from say_unlisted(policy)
    for promise in promises_of(policy, seen):
        if promise.broken_since is not None:
            since = say_time(promise.broken_since)
            yield f"{promise.series}: {promise.schedule} is broken since {since}"
    for series in policy.series:
        unproved = say_unproved(policy, seen.series[series])
        if unproved is not None:
            yield unproved


def say_unlisted(policy: Policy) -> Iterator[str]:
    """Yield what is wrong with the databases that the policy's patterns stand for."""
    found = policy.source.found
    if found.trouble is not None:
        yield f"{policy.name}: its databases cannot be listed: {found.trouble}"
    for name in sorted(found.gone):
        yield f"{policy.name}/{name}: the server has no such database any more; its backups are kept"


def say_unproved(policy: Policy, one: SeriesObservation) -> str | None:
    """Return how far the newest backup of a series is from what was promised, or None."""
    if one.newest is None:
        is_empty = has_no_intact_copy(one)
        return f"{one.series}: {say_none_intact(one) if is_empty else 'there is no backup'}"
    level = one.newest.level
    if level is not None and level >= policy.after_backup:
        return None
    is_so = "not verified" if level is None else f"verified to {level.label} alone"
    return f"{one.series}: the newest backup is {is_so}, not to {policy.after_backup.label}"
