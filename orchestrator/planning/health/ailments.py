"""Everything that monitoring should know, by how bad it is: what `status --check` tells."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum

from orchestrator.model.alert import Trouble
from orchestrator.model.names import DestinationName
from orchestrator.model.observation import Observation
from orchestrator.model.policy import DesiredState, Event
from orchestrator.model.space import SpaceHistory
from orchestrator.planning.alerting.finding.databases import cause_of_gone
from orchestrator.planning.health.pulse import promises_of, say_unproved
from orchestrator.planning.phrases import say_time


class Severity(IntEnum):
    """How bad something is, as monitoring plugins count it."""

    WARNING = 1
    CRITICAL = 2


CRITICAL_EVENTS = frozenset({Event.MISSED, Event.CORRUPT})
"""What touches backups that were promised; everything else is a warning."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it should be, in a sentence."""

    severity: Severity
    text: str


def find_ailments(
    desired: DesiredState,
    seen: Observation,
    troubles: Sequence[Trouble],
    space: Mapping[DestinationName, SpaceHistory],
) -> tuple[Finding, ...]:
    """Return everything that monitoring should know, the worst first.

    ``troubles`` are those that alerts are about; what alerts wait with, such as a place that could
    not be measured, is found here.
    """
    found = [
        *_find_broken(desired, seen),
        *(_finding_of(trouble) for trouble in troubles if not _is_of_promise(trouble)),
        *_find_unproved(desired, seen),
        *_find_unmeasured(desired, space),
    ]
    return tuple(sorted(found, key=lambda one: -one.severity))


def _find_broken(desired: DesiredState, seen: Observation) -> Iterator[Finding]:
    for policy in desired.policies.values():
        broken = [promise for promise in promises_of(policy, seen) if not promise.is_kept]
        for promise in broken:
            text = f"{promise.series} {promise.schedule}: {promise.sentence}"
            yield Finding(Severity.CRITICAL, text)
        said = {promise.series for promise in broken}
        for series in policy.series:
            unproved = say_unproved(policy, seen.series[series])
            if seen.series[series].newest is None and series not in said and unproved is not None:
                yield Finding(Severity.CRITICAL, unproved)


def _is_of_promise(trouble: Trouble) -> bool:
    """Whether `_find_broken` says it, for each promise on its own."""
    is_gone = any(trouble.cause == cause_of_gone(series) for series in trouble.series)
    return trouble.cause.event is Event.MISSED and not is_gone


def _finding_of(trouble: Trouble) -> Finding:
    is_critical = trouble.cause.event in CRITICAL_EVENTS
    severity = Severity.CRITICAL if is_critical else Severity.WARNING
    return Finding(severity, f"{trouble.cause.event.value}: {trouble.error.what}")


def _find_unproved(desired: DesiredState, seen: Observation) -> Iterator[Finding]:
    for policy in desired.policies.values():
        for series in policy.series:
            text = say_unproved(policy, seen.series[series])
            if text is not None and seen.series[series].newest is not None:
                yield Finding(Severity.WARNING, text)


def _find_unmeasured(
    desired: DesiredState, space: Mapping[DestinationName, SpaceHistory]
) -> Iterator[Finding]:
    for name in sorted(desired.destinations):
        unmeasured = space.get(name, SpaceHistory()).unmeasured
        if unmeasured is not None:
            yield Finding(Severity.WARNING, say_unmeasured(name, unmeasured.why, unmeasured.at))


def say_unmeasured(name: DestinationName, why: str, since: datetime) -> str:
    """``destination local: its space cannot be measured since …: …``."""
    return f"destination {name}: its space cannot be measured since {say_time(since)}: {why}"
