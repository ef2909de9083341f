"""What a pass without faults leaves behind: nothing to do (I11, I15-I17, I20)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from orchestrator.errors import Kind
from orchestrator.model.actions import Action, Upkeep
from orchestrator.model.names import ObjectKey
from orchestrator.model.outcome import Failed, Outcome
from orchestrator.model.plan import Plan
from orchestrator.model.policy import DesiredState
from orchestrator.model.run import RunState
from orchestrator.planning.planner import make_plan
from orchestrator.reconciler.cycle import PassResult, run_pass
from orchestrator.reconciler.observe import observe
from tests.simulation.copies import CopyChecks, require
from tests.simulation.processes import Process
from tests.simulation.world import World

PASSES = 3


@dataclass
class Settling:
    """Passes with nothing against them."""

    world: World
    copies: CopyChecks

    def a_pass(self) -> PassResult:
        """One pass of a process that nothing happens to."""
        process = Process(self.world)
        with self.world.process_runs(process):
            result = run_pass(process.execution())
        if self.world.violation is not None:
            raise self.world.violation
        return result

    def check_converges(self) -> list[PassResult]:
        """At most three passes after the last fault there is nothing left to do."""
        results = [self.a_pass()]
        while self.list_work(results[-1]) and len(results) <= PASSES:
            results.append(self.a_pass())
        world, work = self.world, self.list_work(results[-1])
        require(not work, "I20", f"still at work after {PASSES} passes: {_say(work)}")
        # Nobody looks at a series whose policy is gone: see docs/simulation.md.
        leases = [
            str(lease.series)
            for lease in world.catalog.leases()
            if str(lease.series.policy) in world.specs
        ]
        require(not leases, "I20", f"leases are stuck: {leases}")
        running = [run.id for run in world.catalog.runs() if run.state is RunState.RUNNING]
        named = [
            run.id
            for run in world.catalog.runs()
            if run.id in running and str(run.series.policy) in world.specs
        ]
        require(not named, "I20", f"runs were never closed: {named}")
        require(not self.world.server.open_snapshots, "I20", "a snapshot is still open")
        self._check_manifests_are_listed()
        return results

    def check_second_pass(self) -> None:
        """A pass right after a quiet one changes nothing (I15)."""
        before = self._fingerprint()
        result = self.a_pass()
        work = self.list_work(result)
        require(not work, "I15", f"a second pass did {_say(work)}")
        is_same = bool(result.outcomes) or self._fingerprint() == before
        require(is_same, "I15", "a second pass changed something")

    def list_work(self, result: PassResult) -> list[Outcome]:
        """What a pass did; upkeep that stopped at an object damaged at rest is excused.

        It is tried again in each pass: see docs/simulation.md, "Known".
        """
        return [
            outcome
            for outcome in result.outcomes
            if not (self.world.harm and isinstance(outcome.action, Upkeep))
        ]

    def check_independence(self) -> None:
        """The plan for one policy is the same without the others, and when they break (I17)."""
        desired = self.world.desired()
        if len(desired.policies) < 2:
            return
        process = Process(self.world)
        seen = observe(desired, self.world.catalog, process, process)  # type: ignore[arg-type] - both
        whole = make_plan(desired, seen)
        for name, policy in desired.policies.items():
            alone = replace(desired, policies={name: policy})
            wanted = _of(name, make_plan(alone, seen))
            require(_of(name, whole) == wanted, "I17", f"the plan for {name} depends on others")
            self._check_others_gone(name, desired, whole)

    def check_outcomes(self, results: Sequence[PassResult], *, faultless: set[str]) -> None:
        """What nothing was wrong with succeeded (I17), and who failed was told of (I11)."""
        for result in results:
            for outcome in result.outcomes:
                is_failed = isinstance(outcome, Failed)
                series = outcome.action.series
                if is_failed and str(series.policy) in faultless:
                    what = f"{type(outcome.action).__name__} of {series}: {outcome.error}"  # type: ignore[union-attr] - it failed
                    require(False, "I17", f"nothing was wrong with {series.policy}, and yet {what}")
                if is_failed and outcome.kind is not Kind.LOCKED:  # type: ignore[union-attr] - it failed
                    told = [alert for alert in self.world.alerts if alert.series == series]
                    require(bool(told), "I11", f"nobody was told that {series} failed")

    # ---------------------------------------------------------- parts
    def _check_others_gone(self, name: str, desired: DesiredState, whole: Plan) -> None:
        process = Process(self.world)
        seen = observe(desired, self.world.catalog, process, process)  # type: ignore[arg-type] - both
        blind = replace(
            seen, series={one: saw for one, saw in seen.series.items() if one.policy == name}
        )
        found = _of(name, make_plan(desired, blind))
        kinds = [type(action) for action in _of(name, whole)]
        require([type(one) for one in found] == kinds, "I17", f"the plan for {name} needs others")

    def _check_manifests_are_listed(self) -> None:
        """What a live holder published is in the catalog (F06), unless something of it is damaged.

        A backup that is, or was, listed at one place is excused at the others: see
        docs/simulation.md, "Known".
        """
        world = self.world
        known = {str(backup.id) for backup in world.catalog.backups()} | world.pruned
        for place in world.places:
            for key in world.objects(place):
                if not key.endswith("/manifest.json") or (place, key) in world.stale_manifests:
                    continue
                policy, _, rest = key.partition("/")
                backup = rest.split("/backups/")[1].split("/")[0]
                is_ours = policy in world.specs and place in world.specs[policy].places
                is_excused = backup in known or not is_ours or self._is_damaged(place, key)
                require(is_excused, "I16", f"{key} at {place} was never adopted")

    def _is_damaged(self, place: str, manifest: ObjectKey) -> bool:
        """Whether a manifest, or what it names, was harmed at any time."""
        read = self.copies.manifest_at(place, manifest)
        if read is None or (place, manifest) in self.world.harmed:
            return True
        objects = self.world.objects(place)
        return any(
            stored["key"] not in objects or (place, stored["key"]) in self.world.harmed
            for stored in read["objects"]
        )

    def _fingerprint(self) -> tuple[Any, ...]:
        catalog = self.world.catalog
        return (
            catalog.backups(),
            catalog.runs(),
            catalog.leases(),
            catalog.applied(),
            catalog.missed_until(),
            len(catalog.log()),
            {place: set(self.world.objects(place)) for place in self.world.places},
        )


def _of(policy: str, plan: Plan) -> list[Action]:
    return [action for action in plan.actions if action.series.policy == policy]


def _say(outcomes: Sequence[Outcome]) -> str:
    return "; ".join(
        f"{type(one.action).__name__} of {one.action.series}:"
        f" {one.error if isinstance(one, Failed) else one.summary}"
        for one in outcomes
    )
