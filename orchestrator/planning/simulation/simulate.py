"""`retention simulate`: the kept set, day by day, under a schedule and perhaps an outage."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from orchestrator.model.policy import Tier
from orchestrator.planning.pruning.guards import PruneConditions
from orchestrator.planning.retention.copies import RetentionRules
from orchestrator.planning.simulation.simulated_series import SimulatedSeries

DAY = timedelta(days=1)
ALWAYS_KEPT = "always kept"
"""Where a copy is counted that no tier keeps, only a reason that always does."""

ALL_IS_WELL = PruneConditions(
    latest_failure=None,
    destination_is_full=False,
    newest_verified_is_intact=True,
    clock_trouble=None,
    suspicious=None,
    rebuilt_at=None,
)
OUTAGE = replace(ALL_IS_WELL, latest_failure="simulated outage")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """Attempts from ``first`` until before ``end`` fail (aware times)."""

    first: datetime
    end: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedDay:
    """The end of one virtual day.

    Attributes:
        day: number of the day, from 0.
        kept: copies that a rule keeps.
        by_finest: these, each counted once, under the finest tier that keeps it.
        expired: copies that no rule keeps and that are still there; ``held`` is a part of them.
        held: copies that wait for `apply --allow-prune`.
        pruned: copies that went in the course of the day.
        space: bytes of all copies that are there.
    """

    day: int
    kept: int
    by_finest: Mapping[str, int]
    expired: int
    held: int
    pruned: int
    space: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulation:
    """What a walk ended with; in ``by_tier`` a copy counts for every tier that keeps it."""

    backups: int
    kept: int
    by_tier: Mapping[str, int]
    held: int
    days: tuple[SimulatedDay, ...]


def simulate_retention(
    rules: RetentionRules,
    *,
    attempts: Iterable[datetime],
    days: int,
    start: datetime,
    outage: Outage | None,
    backup_bytes: int,
) -> Simulation:
    """Walk ``days`` virtual days of one series at one destination, with a pass at every attempt.

    Every attempt outside of the outage succeeds, is verified and takes ``backup_bytes``. Attempts
    are aware UTC times, ascending. The same input gives the same result.
    """
    series, taken, made = SimulatedSeries(rules), 0, list[SimulatedDay]()
    coming = iter(attempts)
    attempt = next(coming, None)
    for day in range(days):
        end, pruned = start + (day + 1) * DAY, 0
        while attempt is not None and attempt < end:
            fails = outage is not None and outage.first <= attempt < outage.end
            if not fails:
                series.take_backup(attempt)
                taken += 1
            pruned += series.pass_at(attempt, OUTAGE if fails else ALL_IS_WELL)
            attempt = next(coming, None)
        made.append(_close_day(day, series, pruned, backup_bytes))
    return Simulation(
        backups=taken,
        kept=len(series.kept),
        by_tier=_count_tiers(series, rules),
        held=series.held,
        days=tuple(made),
    )


def _close_day(day: int, series: SimulatedSeries, pruned: int, backup_bytes: int) -> SimulatedDay:
    return SimulatedDay(
        day=day,
        kept=len(series.kept),
        by_finest=_count_finest(series),
        expired=series.waiting + series.held,
        held=series.held,
        pruned=pruned,
        space=series.copies * backup_bytes,
    )


def _count_finest(series: SimulatedSeries) -> Mapping[str, int]:
    words = {tier.value for tier in Tier}
    found = Counter(labels[0] for labels in series.kept.values())
    always = sum(number for label, number in found.items() if label not in words)
    tiers = {tier.value: found[tier.value] for tier in Tier if found[tier.value]}
    return {**tiers, ALWAYS_KEPT: always} if always else tiers


def _count_tiers(series: SimulatedSeries, rules: RetentionRules) -> Mapping[str, int]:
    found = Counter(label for labels in series.kept.values() for label in labels)
    return {tier.value: found[tier.value] for tier in Tier if tier in rules.retention.tiers}
