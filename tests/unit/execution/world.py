"""Everything that an execution needs, in memory; state outlives the process that died in it."""

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from orchestrator.catalog.memory import MemoryCatalog
from orchestrator.destinations.memory import MemoryDestination
from orchestrator.execution.context import Execution
from orchestrator.model.actions import TakeBackup
from orchestrator.model.alert import Alert, Delivery, DeliveryState
from orchestrator.model.backup import RunReason, Slot, Trigger
from orchestrator.model.contents import TableName
from orchestrator.model.names import DestinationName, ObjectKey
from orchestrator.model.policy import Channel, DesiredState
from orchestrator.model.run import Actor
from orchestrator.model.verification import Level
from tests.support.builders import a_desired_state, a_policy, a_series, a_slot, an_actor
from tests.support.in_memory_engine import (
    InMemoryDatabase,
    InMemoryServer,
    InMemorySource,
    InMemoryTarget,
    table_name,
)

LOCAL = DestinationName("local")
SERIES = a_series()
NOW = datetime(2026, 11, 22, 2, 0, 5, tzinfo=UTC)
SLOT = a_slot("2026-11-22T02:00")


class Killed(BaseException):
    """The process is dead from here on."""


@dataclass
class Fate:
    """Decides at which call the process dies; every later call is dead, too."""

    dies_at: int | None = None
    calls: int = 0
    is_dead: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def step(self, _: str = "") -> None:
        """Be called before each call of a port."""
        with self._lock:
            self.calls += 1
            self.is_dead = self.is_dead or self.calls == self.dies_at
            if self.is_dead:
                raise Killed


class Mortal:
    """Passes every call on, unless fate has it that the process dies first."""

    def __init__(self, inner: object, before: Callable[[str], None]) -> None:
        self._inner = inner
        self._before = before

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - a proxy for any port
        found = getattr(self._inner, name)
        if not callable(found):
            return found

        def call(*args: object, **kwargs: object) -> object:
            self._before(name)
            return found(*args, **kwargs)

        return call


@dataclass
class HandClock:
    """Shows the time that a test set, and goes on by a millisecond each time it is looked at."""

    time: datetime = NOW

    def now(self) -> datetime:
        self.time += timedelta(milliseconds=1)
        return self.time

    def monotonic(self) -> float:
        return (self.time - NOW).total_seconds()


@dataclass
class FakeMachine:
    """One process of a host; the processes in ``gone`` no longer run."""

    me: Actor
    gone: set[int]
    seed: random.Random

    def whoami(self) -> Actor:
        return self.me

    def is_gone(self, actor: Actor) -> bool:
        return actor.process in self.gone

    def random_hex(self, digits: int) -> str:
        return f"{self.seed.getrandbits(4 * digits):0{digits}x}"


@dataclass
class Inbox:
    """Keeps every alert; all channels, or those in ``dead_channels``, take none."""

    received: list[Alert] = field(default_factory=list)
    dead: bool = False
    dead_channels: set[str] = field(default_factory=set)

    def send(self, alert: Alert, channel: Channel) -> Delivery:
        self.received.append(alert)
        is_dead = self.dead or channel.name in self.dead_channels
        state = DeliveryState.FAILED if is_dead else DeliveryState.SENT
        return Delivery(channel=channel.name, state=state, answer="503" if is_dead else "200")


@dataclass
class World:
    """All state that survives a process, and the making of processes that work in it."""

    server: InMemoryServer = field(default_factory=lambda: a_server())  # noqa: PLW0108 - defined below
    catalog: MemoryCatalog = field(default_factory=MemoryCatalog)
    place: MemoryDestination = field(default_factory=lambda: MemoryDestination(LOCAL))
    clock: HandClock = field(default_factory=HandClock)
    inbox: Inbox = field(default_factory=Inbox)
    gone: set[int] = field(default_factory=set)
    desired: DesiredState = field(
        default_factory=lambda: a_desired_state(a_policy(after_backup=Level.CONTENT))
    )
    seed: random.Random = field(default_factory=lambda: random.Random(7))
    processes: int = 0

    def process(self, before: Callable[[str], None] | None = None, workers: int = 2) -> Execution:
        """A new process; ``before`` is called before each call of a port, and may raise."""
        before = before or (lambda _: None)
        self.processes += 1
        actor = an_actor(process=self.processes)
        catalog: Any = Mortal(self.catalog, before)
        place: Any = Mortal(self.place, before)
        source: Any = Mortal(InMemorySource(self.server, self.clock), before)
        target: Any = Mortal(InMemoryTarget(self.server), before)
        return Execution(
            clock=self.clock,
            machine=FakeMachine(actor, self.gone, self.seed),
            reader=catalog,
            writer=catalog,
            leases=catalog,
            marks=catalog,
            destinations=Opener({LOCAL: place}),
            source=source,
            target=target,
            alerts=self.inbox,
            desired=self.desired,
            workers=workers,
        )

    def kill_all(self) -> None:
        """Every process so far is dead, and everybody on this host can see it."""
        self.gone |= set(range(1, self.processes + 1))

    @property
    def objects(self) -> dict[ObjectKey, bytes]:
        """What lies at the destination, to look at and to tamper with."""
        return self.place._objects

    def keys(self, part: str) -> list[ObjectKey]:
        """The keys of objects that have this part, sorted."""
        return sorted(key for key in self.objects if part in key)

    def has_equal(self, first: str, second: str) -> bool:
        """Whether two databases hold the same, whatever the order of their rows."""
        one, other = self.server.databases[first], self.server.databases[second]
        return (one.sequences, one.large_objects, _sorted_rows(one)) == (
            other.sequences,
            other.large_objects,
            _sorted_rows(other),
        )

    def insert(self, table: str, *rows: bytes) -> None:
        """Add rows to a table of the source database."""
        self.server.databases["app"].tables[table_name(table)].extend(rows)

    def wait(self, duration: timedelta) -> None:
        """Let time pass."""
        self.clock.time += duration


@dataclass
class Opener:
    """Opens what it was given."""

    places: dict[DestinationName, Any]

    def open(self, name: DestinationName) -> Any:  # noqa: ANN401 - a proxy of a destination
        return self.places[name]

    def is_there(self, _: DestinationName) -> bool:
        return True

    def make(self, _: DestinationName) -> None:
        """Every place is there."""

    def unmake(self, _: DestinationName) -> None:
        """Every place stays."""


def _sorted_rows(database: InMemoryDatabase) -> dict[TableName, list[bytes]]:
    return {name: sorted(rows) for name, rows in database.tables.items()}


def a_server() -> InMemoryServer:
    """A server with the database ``app``: several chunks, an empty table, large objects."""
    tables = {
        table_name("public.clients"): [b"%d\tclient %d" % (i, i) for i in range(33)],
        table_name("public.empty"): [],
        table_name("public.Notes"): [b"%d\t\\N" % i for i in range(4)],
    }
    database = InMemoryDatabase(
        tables=tables,
        sequences={table_name("public.clients_id_seq"): (33, True)},
        large_objects={oid: b"large %d" % oid for oid in (100, 200, 300)},
    )
    return InMemoryServer(databases={"app": database})


def a_backup_action(*slots: Slot, trigger: Trigger = Trigger.SCHEDULE) -> TakeBackup:
    """A due backup of the series, by default for the slot of `NOW`."""
    answered = (slots or (SLOT,)) if trigger is Trigger.SCHEDULE else ()
    return TakeBackup(
        series=SERIES,
        run_reason=RunReason(trigger=trigger, slots=answered),
        destinations=(LOCAL,),
        verify_to=Level.CONTENT,
        reason="a test wants it",
    )


def by_hand() -> TakeBackup:
    """A backup by hand, which is never unnecessary."""
    return replace(a_backup_action(trigger=Trigger.MANUAL), reason="by hand")
