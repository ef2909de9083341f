"""A process of the product in a simulated world: it can die, freeze, be met by another, and err."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from orchestrator.destinations.memory import MemoryDestination
from orchestrator.errors import (
    CatalogError,
    DestinationError,
    DestinationFullError,
    DestinationUnreachableError,
    IncompleteStreamError,
    OrchestratorError,
    SourceUnreachableError,
)
from orchestrator.execution.context import Execution
from orchestrator.model.names import DestinationName
from orchestrator.model.run import Actor
from orchestrator.ports.engine import SnapshotRequest
from tests.simulation.channels import Channels
from tests.simulation.copies import ViolationError
from tests.simulation.world import World
from tests.support.builders import an_actor
from tests.support.in_memory_engine import InMemorySource, InMemoryTarget

WRITES = ("create", "replace", "remove", "move_aside")


SPOTS = {
    "acquire": "catalog",
    "create manifest.json": "place",
    "create details.json": "place",
    "remove manifest.json": "place",
    "record_backup": "catalog",
    "record_verification": "catalog",
    "record_run_finished": "catalog",
    "release": "catalog",
    "record_incidents": "catalog",
    "send": "channel",
    "answered": "channel",
}
"""Calls between which a crash hurts most, and whose they are."""


class Killed(BaseException):
    """The process is dead from here on."""


@dataclass
class Fate:
    """At which call of a port something happens to a process; None: never.

    A number counts all calls; a word is one of `SPOTS`, and means the first call of that kind.
    """

    dies_at: int | str | None = None
    freezes_at: int | str | None = None
    meets_at: int | str | None = None
    errs_at: int | str | None = None
    errs_on: bool = False
    """Whether the port that erred goes on erring."""


@dataclass
class Process:
    """One process; also its clock and its machine."""

    world: World
    host: str = "backup-host"
    fate: Fate = field(default_factory=Fate)
    calls: int = 0
    is_dead: bool = False
    is_frozen: bool = False
    was_interfered_with: bool = False
    stale_writes: int = 0
    spent_telling: timedelta = timedelta()
    held: list[Any] = field(default_factory=list)
    erring: str | None = None
    past: list[int | str] = field(default_factory=list)
    looked_at: datetime | None = None
    """When it last looked at everything."""
    _is_renewing: bool = False

    def __post_init__(self) -> None:
        self.world.processes += 1
        self.number = self.world.processes

    # ---------------------------------------------------------- clock and machine
    def now(self) -> datetime:
        return self.world.now()

    def monotonic(self) -> float:
        return self.world.elapsed.total_seconds()

    def whoami(self) -> Actor:
        return an_actor(process=self.number, host=self.host)

    def is_gone(self, actor: Actor) -> bool:
        return actor.host == self.host and actor.process in self.world.gone

    def random_hex(self, digits: int) -> str:
        return f"{self.world.chance.getrandbits(4 * digits):0{digits}x}"

    def renew_leases(self) -> None:
        """Do what the threads of a live process do while time passes."""
        if self.is_dead or self.is_frozen:
            return
        self._is_renewing = True
        try:
            for held in self.held:
                if not held._let_go.is_set():
                    held._renew()
        finally:
            self._is_renewing = False

    # ---------------------------------------------------------- fate
    def before(self, port: str, name: str, args: tuple[Any, ...] = ()) -> None:
        """Be called before each call of a port."""
        if self._is_renewing:
            return
        if self.is_dead:
            raise Killed
        self.calls += 1
        spot = _spot_of(name, args)
        if self._is_it(self.fate.dies_at, spot):
            self._die(f"{port}.{spot}")
        if self._is_it(self.fate.freezes_at, spot):
            self._freeze(f"{port}.{spot}")
        elif self._is_it(self.fate.meets_at, spot):
            self._meet(f"{port}.{spot}")
        if self._is_it(self.fate.errs_at, spot) or (self.erring == port and self.fate.errs_on):
            self.erring = port
            error = self._error_of(port)
            self.world.say(f"process {self.number}: {port}.{name} fails: {type(error).__name__}")
            raise error

    def _is_it(self, at: int | str | None, spot: str) -> bool:
        if at is None or at in self.past:
            return False
        is_it = at in (self.calls, spot)
        if is_it:
            self.past.append(at)
        return is_it

    def _die(self, where: str) -> None:
        self.is_dead = True
        self.world.gone.add(self.number)
        self.world.say(f"process {self.number} is killed before {where} (call {self.calls})")
        raise Killed

    def _freeze(self, where: str) -> None:
        world, nap = self.world, timedelta(minutes=self.world.chance.choice([0.5, 2, 20, 300]))
        world.say(f"process {self.number} freezes for {nap} before {where} (call {self.calls})")
        self.is_frozen = self.was_interfered_with = True
        world.advance(nap)
        world.intruder()
        self.is_frozen = False
        world.say(f"process {self.number} wakes")
        if world.chance.random() < 0.5:
            self.renew_leases()

    def _meet(self, where: str) -> None:
        self.was_interfered_with = True
        self.world.say(f"process {self.number} is met by another before {where}")
        self.world.intruder()

    def _error_of(self, port: str) -> OrchestratorError:
        step = "it is a simulated error"
        if port == "catalog":
            return CatalogError("the catalog is busy", next_step=step)
        if port == "source":
            return SourceUnreachableError("the server is gone", next_step=step)
        if port == "reader":
            return IncompleteStreamError("the stream ended early", next_step=step)
        if port == "channel":
            return OrchestratorError("the service of the channel hangs up", next_step=step)
        self.world.place_errors.append(self.world.time)
        kinds = [DestinationError, DestinationFullError, DestinationUnreachableError]
        return self.world.chance.choice(kinds)("the place answers with an error", next_step=step)

    # ---------------------------------------------------------- what it works with
    def execution(self) -> Execution:
        """All ports of this process."""
        catalog: Any = CatalogPort(self, "catalog", self.world.catalog)
        return Execution(
            clock=self,
            machine=self,
            reader=catalog,
            writer=catalog,
            leases=catalog,
            marks=catalog,
            destinations=Places(self),
            source=Source(self),  # type: ignore[arg-type] - its snapshot is a proxy
            target=InMemoryTarget(self.world.server),
            alerts=Channels(self.world, self),
            desired=self.world.desired(),
            workers=1,
        )


def _spot_of(name: str, args: tuple[Any, ...]) -> str:
    if name in ("create", "remove") and args:
        return f"{name} {str(args[0]).rpartition('/')[2]}"
    return name


class Port:
    """Passes every call on, unless fate is against it."""

    def __init__(self, process: Process, port: str, inner: object) -> None:
        self._process, self._port, self._inner = process, port, inner

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - a proxy of any port
        found = getattr(self._inner, name)
        if not callable(found):
            return found

        def call(*args: object, **kwargs: object) -> object:
            self._process.before(self._port, name, args)
            return self._call(name, found, args, kwargs)

        return call

    def _call(
        self, name: str, found: Callable[..., object], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> object:
        del name
        return found(*args, **kwargs)


class CatalogPort(Port):
    """The catalog; who takes a lease, looks at everything, or writes messages is watched."""

    def _call(
        self, name: str, found: Callable[..., object], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> object:
        process = self._process
        if name == "acquire":
            for watch in process.world.lease_watchers:
                watch(process, args[0])
        if name == "pauses":
            process.looked_at = process.world.time
        result = found(*args, **kwargs)
        if name == "record_incidents":
            for watch in process.world.letter_watchers:
                watch(process, args[0])
        return result


class PlacePort(Port):
    """A destination that may be away, and whose every change is watched."""

    def _call(
        self, name: str, found: Callable[..., object], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> object:
        place, world = str(self._inner.name), self._process.world  # type: ignore[attr-defined] - a destination
        if place in world.down:
            raise DestinationUnreachableError(f"{place} is away", next_step="bring it back")
        is_watched = name in WRITES and place not in world.unmounted
        if is_watched:
            for watch in world.watchers:
                watch(self._process, place, name, args)
        result = found(*args, **kwargs)
        if is_watched and name in ("create", "replace"):
            world.harm.pop((place, args[0]), None)
            world.written[place, args[0]] = world.time
        return result


@dataclass
class Places:
    """Opens destinations by name; one that is not mounted is an empty folder."""

    process: Process

    def open(self, name: DestinationName) -> Any:  # noqa: ANN401 - a proxy of a destination
        self.process.before("place", "open")
        world = self.process.world
        if name in world.down:
            raise DestinationUnreachableError(f"{name} is away", next_step="bring it back")
        inner = MemoryDestination(name) if name in world.unmounted else world.places[name]
        return PlacePort(self.process, "place", inner)

    def is_there(self, _: DestinationName) -> bool:
        return True

    def make(self, _: DestinationName) -> None:
        """Every place is there."""

    def unmake(self, _: DestinationName) -> None:
        """Every place stays."""


@dataclass
class Source:
    """The server, which may be broken or slow, and whose every snapshot is remembered."""

    process: Process

    @contextmanager
    def open_snapshot(self, request: SnapshotRequest) -> Iterator[Any]:
        process, world = self.process, self.process.world
        process.before("source", "open_snapshot")
        if process.spent_telling:
            what = f"the backup of {request.database} waited {process.spent_telling} for a channel"
            world.violation = world.violation or ViolationError("I11", what)
        if request.database in world.broken:
            raise SourceUnreachableError("no connection", next_step="start the server")
        with InMemorySource(world.server, process).open_snapshot(request) as snapshot:
            world.skews[request.run] = world.skew
            rows = world.server.databases[request.database].tables
            world.generations[request.database, snapshot.contents.snapshot_at] = {
                name: tuple(lines) for name, lines in rows.items()
            }
            snapshot.readers = [Port(process, "reader", one) for one in snapshot.readers]
            world.advance(world.slow.get(request.database, timedelta()))
            yield Port(process, "source", snapshot)

    def end_orphans(self, *_: object) -> int:
        self.process.before("source", "end_orphans")
        return 0
