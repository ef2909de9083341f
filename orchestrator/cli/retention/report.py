"""A simulation as lines for people and as a document for programs."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from orchestrator.cli.rendering import format_utc
from orchestrator.model.policy import Policy, Tier
from orchestrator.planning.phrases import count, say_duration, say_size
from orchestrator.planning.simulation.simulate import SimulatedDay, Simulation

ROWS = 20
"""Days shown, evenly spaced; the JSON document has every one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """What is simulated: a policy, its virtual time, and what a backup takes at a destination.

    ``every`` replaces the schedules of the policy; ``outage`` is in days from the start.
    ``is_measured`` is whether ``backup_bytes`` is an average of real backups.
    """

    policy: Policy
    start: datetime
    days: int
    every: timedelta | None
    outage: tuple[int, int] | None
    backup_bytes: int
    is_measured: bool

    @property
    def title(self) -> str:
        """What stands above figures and plots."""
        rhythm = f"a backup every {say_duration(self.every)}" if self.every else "its own schedules"
        begin = self.start.astimezone(self.policy.timezone)
        return f"{self.policy.name}: {count(self.days, 'day')} from {begin:%Y-%m-%d}, {rhythm}"


def describe_simulation(scenario: Scenario, simulation: Simulation) -> Iterator[str]:
    """Yield the lines of a simulation for people."""
    last, retention = simulation.days[-1], scenario.policy.retention
    basis = "average of the catalog" if scenario.is_measured else "no backup is known yet"
    yield scenario.title
    yield (
        f"Rules: {_say_tiers(retention.tiers)}; min_keep {retention.min_keep}, prune_delay"
        f" {say_duration(retention.prune_delay)}, calendar of {scenario.policy.timezone}"
    )
    yield ""
    yield f"{count(simulation.backups, 'backup')} taken; {simulation.kept} kept at the end."
    yield f"By tier: {_say_counts(simulation.by_tier)} (a backup counts for each tier it stands for)"
    yield (
        f"Not kept but still there: {last.expired}, of which {last.held} wait for"
        " `orchestrator apply --allow-prune`"
    )
    yield (
        f"Space at one destination: {say_size(last.space)} at the end,"
        f" {say_size(max(day.space for day in simulation.days))} at most"
        f" ({say_size(scenario.backup_bytes)} for each backup: {basis})"
    )
    yield from _describe_outage(scenario, simulation)
    yield ""
    yield from _table(simulation)


def _say_tiers(tiers: Mapping[Tier, object]) -> str:
    return ", ".join(f"{tier.value} {tiers[tier]}" for tier in Tier if tier in tiers) or "no tiers"


def _say_counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {number}" for name, number in counts.items()) or "no tiers"


def _describe_outage(scenario: Scenario, simulation: Simulation) -> Iterator[str]:
    if scenario.outage is None:
        return
    first, end = scenario.outage
    during = sum(day.pruned for day in simulation.days[first:end])
    later = max((day.held for day in simulation.days[end:]), default=None)
    after = (
        "it lasts to the end"
        if later is None
        else f"once backups succeed again, {later} at most wait for `--allow-prune`"
    )
    yield f"Outage from day {first} to {end}: {during} pruned while it lasts; {after}"


def _table(simulation: Simulation) -> Iterator[str]:
    """Yield a table in which each kept backup stands once, under its finest tier."""
    tiers = list(dict.fromkeys(name for day in simulation.days for name in day.by_finest))
    headers = ["day", "kept", *tiers, "expired", "held", "pruned", "space"]
    rows = [_row(days, tiers) for days in _stretches(simulation.days)]
    widths = [max(map(len, column)) for column in zip(headers, *rows, strict=True)]
    for row in (headers, *rows):
        yield "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))


def _stretches(days: Sequence[SimulatedDay]) -> Iterator[Sequence[SimulatedDay]]:
    step = ceil(len(days) / ROWS)
    return (days[first : first + step] for first in range(0, len(days), step))


def _row(days: Sequence[SimulatedDay], tiers: Sequence[str]) -> list[str]:
    last = days[-1]
    numbers = [
        last.day,
        last.kept,
        *(last.by_finest.get(tier, 0) for tier in tiers),
        last.expired,
        last.held,
        sum(day.pruned for day in days),
    ]
    return [*map(str, numbers), say_size(last.space)]


def simulation_as_json(scenario: Scenario, simulation: Simulation) -> dict[str, object]:
    """Return a simulation as a JSON-able document, version 1. Sizes are bytes."""
    return {
        "version": 1,
        "policy": scenario.policy.name,
        "start": format_utc(scenario.start),
        "backups": simulation.backups,
        "backup_bytes": scenario.backup_bytes,
        "kept": simulation.kept,
        "by_tier": dict(simulation.by_tier),
        "held": simulation.held,
        "days": [_day_as_json(day) for day in simulation.days],
    }


def _day_as_json(day: SimulatedDay) -> dict[str, object]:
    return {
        "day": day.day,
        "kept": day.kept,
        "by_finest": dict(day.by_finest),
        "expired": day.expired,
        "pruned": day.pruned,
        "held": day.held,
        "bytes": day.space,
    }
