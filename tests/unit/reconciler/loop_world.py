"""Loops over an in-memory world, whose time passes only when a loop sleeps."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from orchestrator.execution.context import Execution
from orchestrator.model.policy import DesiredState
from orchestrator.ports.policies import ReadPolicies
from orchestrator.reconciler.loop import Loop, LoopEnd, Surroundings
from orchestrator.reconciler.policies_in_force import PoliciesInForce
from tests.unit.execution.world import World


@dataclass
class Asked:
    """What the process was asked so far."""

    stops: int = 0
    reloads: int = 0


@dataclass
class Files:
    """Policy files: what they say, how often they were written, how often they were read."""

    desired: DesiredState
    problems: tuple[str, ...] = ()
    written: int = 0
    times_read: int = 0
    trouble: Exception | None = None

    def fingerprint(self) -> str:
        return str(self.written)

    def read(self) -> ReadPolicies:
        self.times_read += 1
        if self.trouble is not None:
            raise self.trouble
        return ReadPolicies(desired=None if self.problems else self.desired, problems=self.problems)

    def write(self, desired: DesiredState, *problems: str) -> None:
        self.desired, self.problems, self.written = desired, problems, self.written + 1


@dataclass
class Place:
    """A world, and the means to run loops in it until a time."""

    world: World = field(default_factory=World)
    asked: Asked = field(default_factory=Asked)
    sleeps: int = 0
    on_sleep: Callable[[], None] = lambda: None
    end: datetime | None = None
    monotonic_seconds: float = 0.0

    def __post_init__(self) -> None:
        self.files = Files(self.world.desired)

    # -------------------------------------------------------------- clock and sleeper
    def now(self) -> datetime:
        return self.world.clock.now()

    def monotonic(self) -> float:
        return self.monotonic_seconds

    def sleep(self, seconds: float) -> None:
        assert 0 < seconds <= 1, "the loop sleeps in short steps"
        self.sleeps += 1
        self.monotonic_seconds += seconds
        self.world.wait(timedelta(seconds=seconds))
        self.on_sleep()
        if self.end is not None and self.world.clock.time >= self.end:
            self.asked.stops += 1

    # -------------------------------------------------------------- loops
    def loop(
        self, grace: timedelta = timedelta(0), before: Callable[[str], None] | None = None
    ) -> Loop:
        process = self.world.process(before)

        def executions(desired: DesiredState) -> Execution:
            return replace(process, desired=desired)

        outside = Surroundings(
            clock=self, sleeper=self, signals=self.asked, executions=executions, grace=grace
        )
        return Loop(PoliciesInForce(self.files, self.files.desired), outside)

    def run_for(self, duration: timedelta, loop: Loop | None = None) -> LoopEnd:
        """Run a loop until so much time has passed."""
        self.asked.stops = 0
        self.end = self.world.clock.time + duration
        return (loop or self.loop()).run()
