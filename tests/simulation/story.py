"""One history: policies, time, and what goes wrong, all drawn from one seed; checked at every step."""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch

from orchestrator.errors import OrchestratorError
from orchestrator.model.observation import Observation
from orchestrator.model.plan import Plan, Retry
from orchestrator.reconciler import passes
from orchestrator.reconciler.events import Events
from orchestrator.reconciler.passes import PassResult
from orchestrator.reconciler.speaker import Speaker
from orchestrator.reconciler.telling import look
from tests.simulation.copies import CopyChecks, ViolationError, require
from tests.simulation.drawing import draw_policy, draw_rhythm, draw_tiers
from tests.simulation.fences import FenceChecks
from tests.simulation.happenings import HAPPENINGS, Happening, grow
from tests.simulation.keeping import KeepingChecks
from tests.simulation.leavings import GRACE, LOOK, LeavingChecks
from tests.simulation.losing import LostCatalog
from tests.simulation.processes import SPOTS, Fate, Killed, Process
from tests.simulation.settling import Settling
from tests.simulation.slots import SlotChecks
from tests.simulation.telling import TellingChecks
from tests.simulation.troubles import Troubles
from tests.simulation.world import World, a_place, utc
from tests.support.in_memory_engine import InMemoryDatabase

PLAN_PASS = passes.plan_pass
MOST_CALLS = 150
"""About as many calls of ports does a pass with one backup make."""
MOST_SLOTS = 200
"""As many slots does an outage swallow at most: each is walked over, one by one."""
YEAR = timedelta(days=365.25)


@dataclass
class Tally:
    """What a story amounted to."""

    policy_time: timedelta = timedelta()
    outage_time: timedelta = timedelta()
    passes: int = 0
    backups: int = 0
    steps: int = 0

    @property
    def policy_years(self) -> float:
        """All virtual time that policies were in force, outages included."""
        return self.policy_time / YEAR

    @property
    def outage_years(self) -> float:
        """That part of it in which the machine was off for days or months."""
        return self.outage_time / YEAR


@dataclass
class Story:
    """A seed's history in one world."""

    seed: int
    new_catalog: Callable[[], Any]
    steps: int
    chance: random.Random = field(init=False)
    world: World = field(init=False)
    tally: Tally = field(default_factory=Tally)
    plans: list[Plan] = field(default_factory=list)
    results: list[PassResult] = field(default_factory=list)
    is_disturbed: bool = False
    looked_at: datetime | None = None
    """When the last pass that ended looked at everything for the last time."""

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        start = utc(2026, 1, 1) + timedelta(minutes=self.chance.randrange(365 * 24 * 60))
        if self.chance.random() < 0.2:
            start = utc(2026, *self.chance.choice([(3, 27), (10, 23)]))
        self.world = World(chance=self.chance, catalog=self.new_catalog(), time=start)
        self.world.intruder = self._intrude
        self.world.server.clock = self.world.others_now
        self.copies = CopyChecks(self.world)
        self.keeping = KeepingChecks(self.world, self.copies)
        self.leavings = LeavingChecks(self.world, self.copies)
        self.fences = FenceChecks(self.world, self.copies)
        self.world.watchers.append(self.fences.watch)
        self.world.lease_watchers.append(self.fences.watch_lease)
        self._begin_to_follow()
        for name in ("local", "offsite")[: self.chance.choice([1, 1, 2])]:
            self.world.places[name] = a_place(name, self.world)
            if self.chance.random() < 0.2:
                # Some places do not know when something was written.
                self.world.places[name]._clock = None
        for number in range(self.chance.choice([1, 1, 2, 3])):
            self.add_policy(f"policy-{number}")

    def _begin_to_follow(self) -> None:
        """Follow slots and incidents, which only the catalog of now knows."""
        self.slots = SlotChecks(self.world)
        self.telling = TellingChecks(self.world, self.slots, Troubles(self.world, self.slots))
        self.settling = Settling(self.world, self.copies, self.telling)
        self.world.letter_watchers[:] = [self.telling.watch]
        self.world.listeners[:] = [self.telling.listen]

    # ---------------------------------------------------------- the telling
    def tell(self) -> Tally:
        """Go through all steps, and settle at the end.

        Raises:
            ViolationError: an invariant does not hold.
        """
        for number in range(self.steps):
            self.tally.steps = number + 1
            self._step()
        self.tally.steps += 1
        self._settle()
        self._clear_away()
        self.tally.backups += len(self.slots.ever)
        return self.tally

    def _clear_away(self) -> None:
        """Wait until what nothing names has to be gone."""
        orphans = self.leavings.list_orphans()
        if not orphans or self.world.clock_jumped:
            return
        for lapse in (LOOK, GRACE):
            self.tally.policy_time += lapse * len(self.world.specs)
            self.world.advance(lapse)
            self._settle()
        self.leavings.check_gone(orphans)

    def _lose_catalog(self) -> None:
        """The catalog is lost, a pass is refused, and somebody builds the catalog again."""
        world = self.world
        lost = LostCatalog(world, self.copies)
        self.tally.backups += len(self.slots.ever)
        world.catalog = self.new_catalog()
        world.was_rebuilt = True
        world.say("the catalog is lost")
        self._begin_to_follow()
        self.slots.declare()
        lost.check_refused()
        lost.rebuild()
        lost.check_same()
        listed = world.catalog.backups()
        self.copies.take_over(listed)
        self.slots.ever |= {backup.id: backup for backup in listed}
        self.tally.backups -= len(listed)
        self.fences.forget_measures()

    def add_policy(self, name: str) -> None:
        """A policy file appears."""
        spec = draw_policy(name, sorted(self.world.places), self.chance)
        self.world.specs[name] = spec
        for database in spec.databases:
            if database not in self.world.server.databases:
                self.world.server.databases[database] = InMemoryDatabase()
                grow(self.world, database, rows=7)
        self.slots.declare()

    def edit(self, name: str) -> None:
        """A policy file changes."""
        spec = self.world.specs[name]
        rhythm = self.chance.choice(sorted(spec.rhythms))
        if self.chance.random() < 0.7:
            spec.rhythms[rhythm] = draw_rhythm(rhythm, self.chance)
        else:
            spec.tiers, spec.min_keep = draw_tiers(self.chance), self.chance.choice([1, 3])
        self.world.say(f"the policy {name} is edited")
        self.slots.declare()

    # ---------------------------------------------------------- one step
    def _step(self) -> None:
        world = self.world
        self.fences.begin_step()
        happening = self._happen()
        self._wait()
        begun_at = world.time
        self.plans, self.results, self.looked_at = [], [], None
        self._pass(self._draw_fate(), retry=self.chance.choice(list(Retry)))
        self._check(begun_at, happening)
        if self.chance.random() < 0.2:
            self._look(Fate(dies_at=self.chance.choice([None, "record_incidents", "answered"])))
        if happening is None and not self.is_disturbed and self.chance.random() < 0.15:
            self._settle()
            if self._can_be_lost() and self.chance.random() < 0.5:
                self._lose_catalog()

    def _can_be_lost(self) -> bool:
        """Whether every place is declared and in use, and everything is as the clock says."""
        places = {place for spec in self.world.specs.values() for place in spec.places}
        world = self.world
        is_in_use = places == set(world.places) and all(map(world.objects, places))
        return is_in_use and not (world.clock_jumped or world.was_rebuilt)

    def _happen(self) -> Happening | None:
        """Something happens to the world, or is put right again."""
        if self.chance.random() < 0.6:
            return None
        kinds = [one for one in HAPPENINGS if one.is_possible(self)]
        weights = [one.weight for one in kinds]
        happening: Happening = self.chance.choices(kinds, weights)[0]
        happening.happen(self)
        return happening

    def _wait(self) -> None:
        """Time passes up to the next instant at which something may be due, or far beyond."""
        chance, world = self.chance, self.world
        for database in world.server.databases:
            if chance.random() < 0.5:
                grow(world, database, rows=chance.choice([0, 1, 3]))
        lapse = self._draw_lapse()
        self.tally.policy_time += lapse * len(world.specs)
        world.advance(lapse)

    def _draw_lapse(self) -> timedelta:
        chance, now = self.chance, self.world.time
        kind = chance.random()
        if kind < 0.15:
            return timedelta(minutes=chance.choice([0, 1, 5, 40]))
        if kind < 0.22:
            return self._draw_outage()
        coming = [promise.next(now) for promise in self.slots.promises.values()]
        wanted = chance.choice(sorted(coming)) if kind < 0.6 else min(coming)
        return max(timedelta(), wanted - now) + timedelta(seconds=chance.choice([0, 5, 90, 2000]))

    def _draw_outage(self) -> timedelta:
        """The machine is off: for so long that some two hundred slots pass at most."""
        often = max(
            (24 / one.step if one.hour is None else 1 / 7 if one.weekday is not None else 1)
            for spec in self.world.specs.values()
            for one in spec.rhythms.values()
        )
        days = [day for day in (1, 5, 45, 400) if day * often < MOST_SLOTS] or [1]
        lapse = timedelta(days=self.chance.choice(days), minutes=self.chance.randrange(1440))
        self.tally.outage_time += lapse * len(self.world.specs)
        return lapse

    def _draw_fate(self) -> Fate:
        chance = self.chance
        at = chance.choice([*SPOTS, *range(1, MOST_CALLS, 12)])
        if isinstance(at, int):
            at += chance.randrange(12)
        kind = chance.random()
        self.is_disturbed = kind < 0.5
        if kind < 0.2:
            return Fate(dies_at=at)
        if kind < 0.3:
            return Fate(freezes_at=at)
        if kind < 0.38:
            return Fate(meets_at=at)
        if kind < 0.5:
            return Fate(errs_at=at, errs_on=chance.random() < 0.4)
        return Fate()

    def _pass(self, fate: Fate, *, retry: Retry) -> None:
        process = Process(self.world, host=self._draw_host(), fate=fate)
        self.tally.passes += 1
        allowed = self.chance.choice([0, 0, 0, 0, 5])
        self.world.allowed.append((self.world.time, allowed))
        try:
            with self.world.process_runs(process), self._plans_noted(process):
                result = passes.run_pass(process.execution(), retry=retry, allow_prune=allowed)
                self.results.append(result)
                self.looked_at = process.looked_at
                require(
                    result.plan in self.plans, "defect", "the simulation sees no plans any more"
                )
        except Killed:
            pass
        except OrchestratorError as error:
            self.world.say(f"the pass of process {process.number} failed: {error.what}")
        except Exception as error:
            what = (
                f"the pass of process {process.number} broke with {type(error).__name__}: {error}"
            )
            raise self.world.violation or ViolationError("defect", what) from error
        if self.world.violation is not None:
            raise self.world.violation

    def _look(self, fate: Fate) -> None:
        """Look, tell and send as a loop does between its work, and once more when it stops."""
        process = Process(self.world, host=self._draw_host(), fate=fate)
        speaker = Speaker(process, Events())
        try:
            with self.world.process_runs(process):
                execution = process.execution()
                self.world.say(f"process {process.number} of {process.host} looks")
                speaker.note(look(execution), execution, ())
                self.world.advance(timedelta(seconds=self.chance.choice([1, 6, 400])))
                speaker.send_due(process.execution)
                speaker.close(execution)
        except Killed:
            pass
        except OrchestratorError as error:
            self.world.say(f"the look of process {process.number} failed: {error.what}")
        if self.world.violation is not None:
            raise self.world.violation

    @contextmanager
    def _plans_noted(self, process: Process) -> Iterator[None]:
        """Remember the plan of a pass, also of one that dies in the middle.

        A pass that could not even be planned made no promise about any slot.
        """

        def plan_pass(*args: Any, **how: Any) -> tuple[Plan, Observation]:  # noqa: ANN401 - passes on
            plan, seen = PLAN_PASS(*args, **how)
            self.plans.append(plan)
            self._say_plan(process, plan)
            return plan, seen

        with patch.object(passes, "plan_pass", plan_pass):
            yield

    def _say_plan(self, process: Process, plan: Plan) -> None:
        done = ", ".join(f"{type(one).__name__} {one.series}" for one in plan.actions) or "nothing"
        self.world.say(f"process {process.number} of {process.host} plans {done}")

    def _draw_host(self) -> str:
        return self.chance.choice(["backup-host", "backup-host", "backup-host", "other-host"])

    def _intrude(self) -> None:
        """Another process makes its pass, or a loop looks, in the middle of one; it may die there."""
        if len(self.world.running) > 2:
            return
        if self.chance.random() < 0.3:
            self._look(Fate())
            return
        dies_at = self.chance.randrange(1, MOST_CALLS) if self.chance.random() < 0.3 else None
        self._pass(Fate(dies_at=dies_at), retry=Retry.AT_ONCE)

    # ---------------------------------------------------------- checking
    def _check(self, begun_at: datetime, happening: Happening | None) -> None:
        self.copies.check()
        self.slots.check(begun_at, self.plans)
        self.keeping.check()
        self.slots.check_promises()
        self.settling.check_outcomes(self.results, faultless=self._faultless(happening))
        self.telling.check_sent()
        if self.looked_at is not None and not self.is_disturbed:
            self.telling.check_told(self.looked_at)
        if self.chance.random() < 0.1:
            self.settling.check_independence()

    def _faultless(self, happening: Happening | None) -> set[str]:
        """The policies that nothing is wrong with in this step."""
        world = self.world
        if self.is_disturbed or world.harmed or world.running or world.clock_went_back:
            return set()
        if world.is_skewed:
            return set()
        if any(lease.expires_at for lease in world.catalog.leases()) or happening is not None:
            return set()
        troubled = world.down | world.unmounted | world.full
        return {
            name
            for name, spec in world.specs.items()
            if not set(spec.databases) & world.broken and not set(spec.places) & troubled
        }

    def _settle(self) -> None:
        """All faults end, and dead holders' time runs out: soon there is nothing left to do."""
        world = self.world
        if world.clock_went_back:
            world.advance(timedelta(days=2))
        world.put_right()
        world.say("all faults end")
        world.advance(timedelta(minutes=2))
        begun_at = world.time
        self.fences.begin_step()
        results = self.settling.check_converges()
        self.tally.passes += len(results)
        self.plans = [result.plan for result in results]
        self.is_disturbed = False
        self.results, self.looked_at = results, self.settling.looked_at
        self._check(begun_at, None)
        self.settling.check_all_is_told(results[-1])
        self.settling.check_second_pass(results[-1])
        self.tally.passes += 1
