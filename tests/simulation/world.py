"""Everything that outlives a process: places, catalog, source, time; and what was done to them."""

import random
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from orchestrator.destinations.memory import MemoryDestination
from orchestrator.model.contents import TableName
from orchestrator.model.lease import Lease
from orchestrator.model.names import ChannelName, DestinationName, ObjectKey
from orchestrator.model.policy import AlertRoute, DesiredState, Event, Policy, Retention, Tier
from orchestrator.model.verification import Level
from tests.simulation.timetable import Rhythm
from tests.support.builders import (
    a_desired_state,
    a_policy,
    a_revision,
    a_schedule,
    a_source,
    a_window,
)
from tests.support.in_memory_engine import InMemoryServer

TICK = timedelta(milliseconds=1)
TOLERANCE = timedelta(minutes=5)
"""So far may clocks be apart (design §7)."""
EVENTS_SHOWN = 20

Rows = Mapping[TableName, tuple[bytes, ...]]


@dataclass(kw_only=True)
class Spec:
    """A policy as its file says it; the story edits it."""

    name: str
    zone: str
    databases: list[str]
    rhythms: dict[str, Rhythm]
    tiers: dict[str, str]
    min_keep: int
    prune_delay: timedelta
    places: list[str]
    level: Level
    channels: dict[str, timedelta]
    """Who is told of everything, and how often again."""

    def policy(self) -> Policy:
        """The policy as it is loaded; each of its channels hears of everything."""
        policy = a_policy(
            self.name,
            timezone=self.zone,
            source=a_source(databases=self.databases),
            schedules=[
                a_schedule(one.name, one.cron, catch_up=one.catch_up, grace=one.grace)
                for one in self.rhythms.values()
            ],
            retention=Retention(
                tiers={Tier(name): a_window(text) for name, text in self.tiers.items()},
                min_keep=self.min_keep,
                prune_delay=self.prune_delay,
            ),
            destinations=self.places,
            after_backup=self.level,
        )
        routes = (
            AlertRoute(to=ChannelName(name), on=frozenset(Event), remind_every=interval)
            for name, interval in sorted(self.channels.items())
        )
        return replace(policy, alerts=tuple(routes))


@dataclass(frozen=True)
class Harm:
    """What was done to an object at rest, and when."""

    at: datetime
    is_lost: bool


@dataclass
class World:
    """One history, told by one `random.Random`."""

    chance: random.Random
    catalog: Any
    time: datetime
    server: InMemoryServer = field(default_factory=InMemoryServer)
    places: dict[str, MemoryDestination] = field(default_factory=dict)
    specs: dict[str, Spec] = field(default_factory=dict)
    elapsed: timedelta = timedelta()
    # ---- what is wrong with the world just now
    down: set[str] = field(default_factory=set)
    unmounted: set[str] = field(default_factory=set)
    broken: set[str] = field(default_factory=set)
    slow: dict[str, timedelta] = field(default_factory=dict)
    silent: dict[str, str] = field(default_factory=dict)
    """Channels that take nothing, and how they say so."""
    sluggish: dict[str, timedelta] = field(default_factory=dict)
    skew: timedelta = timedelta()
    """How much later our clock is than those of the places and of the server."""
    # ---- what the checks know about the past
    gone: set[int] = field(default_factory=set)
    processes: int = 0
    running: list[Any] = field(default_factory=list)
    harm: dict[tuple[str, ObjectKey], Harm] = field(default_factory=dict)
    harmed: set[tuple[str, ObjectKey]] = field(default_factory=set)
    """Everything in ``harm``, also what was written anew since."""
    written: dict[tuple[str, ObjectKey], datetime] = field(default_factory=dict)
    """When each object was written last."""
    generations: dict[tuple[str, datetime], Rows] = field(default_factory=dict)
    stale_manifests: set[tuple[str, ObjectKey]] = field(default_factory=set)
    pruned: set[str] = field(default_factory=set)
    """The ids of backups of which a copy was pruned."""
    place_errors: list[datetime] = field(default_factory=list)
    """When a place answered with an error that was gone afterwards."""
    heard: list[Any] = field(default_factory=list)
    refused: list[tuple[str, datetime]] = field(default_factory=list)
    """Which channels took nothing, and when."""
    forgotten: set[str] = field(default_factory=set)
    """The ids of backups whose hold was forgotten with a newer catalog."""
    skews: dict[str, timedelta] = field(default_factory=dict)
    """How far our clock was ahead of the server's at the snapshot of each run."""
    was_rebuilt: bool = False
    """Whether the catalog was lost, and built again from the places."""
    clock_went_back: bool = False
    clock_jumped: bool = False
    allowed: list[tuple[datetime, int]] = field(default_factory=list)
    """When a pass began, and how many copies it was allowed beyond the measure of a day."""
    events: deque[str] = field(default_factory=lambda: deque(maxlen=EVENTS_SHOWN))
    watchers: list[Callable[..., None]] = field(default_factory=list)
    lease_watchers: list[Callable[..., None]] = field(default_factory=list)
    letter_watchers: list[Callable[..., None]] = field(default_factory=list)
    """See every message that is written into the outbox."""
    listeners: list[Callable[..., None]] = field(default_factory=list)
    """Hear what a channel takes."""
    violation: Exception | None = None
    """The first one that a watcher found: the product may swallow what is raised in its calls."""
    intruder: Callable[[], None] = lambda: None

    # ---------------------------------------------------------- time
    def now(self) -> datetime:
        """What every clock shows; each look takes a moment."""
        self.time += TICK
        self.elapsed += TICK
        return self.time

    def others_now(self) -> datetime:
        """What the clocks of the places and of the server show, which do not jump with ours."""
        return self.time - self.skew

    @property
    def is_skewed(self) -> bool:
        """Whether our clock is so far from the others that nothing may be removed."""
        return abs(self.skew) > TOLERANCE

    def advance(self, duration: timedelta) -> None:
        """Let time pass; live processes renew what they hold."""
        self.time += duration
        self.elapsed += duration
        for process in list(self.running):
            process.renew_leases()

    def say(self, what: str) -> None:
        """Remember an event, for the report of a violation."""
        self.events.append(f"{self.time:%Y-%m-%dT%H:%M:%SZ} {what}")

    def put_right(self) -> None:
        """All servers and places work again, but for what was lost."""
        for trouble in (self.down, self.unmounted, self.broken):
            trouble.clear()
        for hindrance in (self.slow, self.silent, self.sluggish):
            hindrance.clear()
        for place in self.places.values():
            place._capacity = None
        self.skew = timedelta()

    @property
    def full(self) -> set[str]:
        """The places with little space left."""
        return {name for name, place in self.places.items() if place._capacity is not None}

    # ---------------------------------------------------------- policies
    def desired(self) -> DesiredState:
        """The policy files as they are now."""
        text = repr(sorted(self.specs.items())).encode()
        return a_desired_state(
            *(spec.policy() for spec in self.specs.values()),
            revision=a_revision(sha256(text).hexdigest()),
            max_parallel=1,
        )

    # ---------------------------------------------------------- what lies there
    def objects(self, place: str) -> dict[ObjectKey, bytes]:
        """The objects at a place, to look at and to tamper with."""
        return self.places[place]._objects

    def holder_of(self, policy: str, database: str) -> Lease | None:
        """The lease of a series as the catalog has it now."""
        for lease in self.catalog.leases():
            if (lease.series.policy, lease.series.database) == (policy, database):
                return lease
        return None

    @contextmanager
    def process_runs(self, process: Any) -> Iterator[None]:  # noqa: ANN401 - see processes.py
        """Count a process among those that run while the block lasts."""
        self.running.append(process)
        try:
            yield
        finally:
            self.running.remove(process)
            self.gone.add(process.number)


def a_place(name: str, world: World) -> MemoryDestination:
    return MemoryDestination(DestinationName(name), clock=world.others_now)


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def utc(year: int, month: int, day: int) -> datetime:
    return datetime(year, month, day, tzinfo=UTC)
