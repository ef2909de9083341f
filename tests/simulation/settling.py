"""What a pass without faults leaves behind: nothing to do (I11, I15-I17, I20)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from orchestrator.archive.layout import manifest_key
from orchestrator.errors import Kind
from orchestrator.execution.rebuild.compare_catalog import compare_catalog
from orchestrator.model.actions import Action, RecoverSeries
from orchestrator.model.backup import CopyState
from orchestrator.model.names import ObjectKey
from orchestrator.model.observation import Observation
from orchestrator.model.outcome import Failed, Outcome
from orchestrator.model.plan import Plan, SkipKind
from orchestrator.model.policy import DesiredState
from orchestrator.model.run import LogAction, LogOutcome, RunState
from orchestrator.planning.planner import make_plan
from orchestrator.reconciler.observe import observe
from orchestrator.reconciler.passes import PassResult, run_pass
from tests.simulation.copies import CopyChecks, require
from tests.simulation.processes import Process
from tests.simulation.telling import TellingChecks
from tests.simulation.world import World

PASSES = 3


@dataclass(frozen=True)
class _Stopped:
    """A clock that shows one time."""

    time: datetime

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return 0.0


@dataclass
class Settling:
    """Passes with nothing against them."""

    world: World
    copies: CopyChecks
    telling: TellingChecks
    looked_at: datetime | None = None

    def a_pass(self) -> PassResult:
        """One pass of a process that nothing happens to."""
        process = Process(self.world)
        with self.world.process_runs(process):
            result = run_pass(process.execution())
            self.looked_at = process.looked_at
        if self.world.violation is not None:
            raise self.world.violation
        return result

    def check_converges(self) -> list[PassResult]:
        """At most three passes after the last fault there is nothing left to do."""
        results = [self.a_pass()]
        while results[-1].outcomes and len(results) <= PASSES:
            results.append(self.a_pass())
        world, work = self.world, results[-1].outcomes
        require(not work, "I20", f"still at work after {PASSES} passes: {_say(work)}")
        leases = [str(lease.series) for lease in world.catalog.leases()]
        require(not leases, "I20", f"leases are stuck: {leases}")
        running = [run.id for run in world.catalog.runs() if run.state is RunState.RUNNING]
        require(not running, "I20", f"runs were never closed: {running}")
        require(not self.world.server.open_snapshots, "I20", "a snapshot is still open")
        self._check_manifests_are_known()
        self._check_damage_is_known()
        return results

    def check_all_is_told(self, result: PassResult) -> None:
        """After the last of these passes all that is over was told to be (I11)."""
        waits = (SkipKind.PRUNE_REFUSED, SkipKind.PAUSED)
        refused = {skipped.series for skipped in result.plan.skipped if skipped.kind in waits}
        if self.looked_at is not None:
            self.telling.check_over(refused, self.looked_at)

    def check_second_pass(self, quiet: PassResult) -> None:
        """A pass right after a quiet one changes nothing (I15), unless a date came between them."""
        for _ in range(1 + len(self.world.specs)):
            was_quiet = not self._plan(quiet.plan.observed_at).actions
            before, result = self._fingerprint(), self.a_pass()
            if not (result.outcomes and was_quiet):
                break
            quiet = result
        require(not result.outcomes, "I15", f"a second pass did {_say(result.outcomes)}")
        require(self._fingerprint() == before, "I15", "a second pass changed something")

    def _plan(self, at: datetime) -> Plan:
        desired, process = self.world.desired(), Process(self.world)
        return make_plan(desired, observe(desired, self.world.catalog, _Stopped(at), process))  # type: ignore[arg-type] - a machine

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
            self._check_others_gone(name, desired, seen, whole)

    def check_outcomes(self, results: Sequence[PassResult], *, faultless: set[str]) -> None:
        """What nothing was wrong with succeeded (I17), and who failed was told of (I11)."""
        for result in results:
            for number, outcome in enumerate(result.outcomes):
                is_failed = isinstance(outcome, Failed)
                series = outcome.action.series
                if is_failed and str(series.policy) in faultless:
                    what = f"{type(outcome.action).__name__} of {series}: {outcome.error}"  # type: ignore[union-attr] - it failed
                    require(False, "I17", f"nothing was wrong with {series.policy}, and yet {what}")
                # What the same pass mended afterwards is no trouble any more when it tells.
                is_mended = any(
                    _is_same(one.action, outcome.action) for one in result.outcomes[number + 1 :]
                )
                if is_failed and not is_mended and outcome.kind is not Kind.LOCKED:  # type: ignore[union-attr] - it failed
                    spec = self.world.specs.get(str(series.policy))
                    is_told = (
                        series in self.telling.named
                        # Nobody is left whom it concerns: the next pass goes on with it.
                        or (spec is None and isinstance(outcome.action, RecoverSeries))
                        or self.world.clock_went_back
                        or (spec is not None and set(spec.channels) <= set(self.world.silent))
                    )
                    require(is_told, "I11", f"nobody was told that {series} failed")

    # ---------------------------------------------------------- parts
    def _check_others_gone(
        self, name: str, desired: DesiredState, seen: Observation, whole: Plan
    ) -> None:
        blind = replace(
            seen, series={one: saw for one, saw in seen.series.items() if one.policy == name}
        )
        found = _of(name, make_plan(desired, blind))
        kinds = [type(action) for action in _of(name, whole)]
        require([type(one) for one in found] == kinds, "I17", f"the plan for {name} needs others")

    def _check_manifests_are_known(self) -> None:
        """What a holder of the lease published is listed where it lies (F06), or it was refused.

        Whatever is not listed is shown by `catalog check`.
        """
        world = self.world
        listed = {
            (str(copy.destination), manifest_key(backup.path, backup.id))
            for backup in world.catalog.backups()
            for copy in backup.copies
        }
        there = {
            (place, key)
            for place in world.places
            for key in world.objects(place)
            if key.endswith("/manifest.json")
        }
        unlisted = there - listed
        if not unlisted:
            return
        refused = self._list_refused()
        lost = [
            f"{key} at {place}"
            for place, key in unlisted - world.stale_manifests
            if (place, _backup_of(key)) not in refused
            # What nobody can read any more, no rebuild can list.
            and not (world.was_rebuilt and (place, key) in world.harm)
        ]
        require(not lost, "I16", f"never adopted, and nobody said why: {lost}")
        differences = compare_catalog(Process(world).execution()).differences
        shown = {(str(one.destination), str(one.backup)) for one in differences}
        hidden = [key for place, key in unlisted if (place, _backup_of(key)) not in shown]
        require(not hidden, "I16", f"`catalog check` does not show {hidden}")

    def _list_refused(self) -> set[tuple[str, str]]:
        return {
            (entry.detail["destination"], entry.detail["backup"])
            for entry in self.world.catalog.log()
            if (entry.action, entry.outcome) == (LogAction.ADOPT, LogOutcome.FAILED)
        }

    def _check_damage_is_known(self) -> None:
        """A manifest that a collection could not read makes no complete copy (I3)."""
        looks = self.world.catalog.collections()
        for backup in self.world.catalog.backups():
            for copy in backup.copies:
                key = manifest_key(backup.path, backup.id)
                harm = self.world.harm.get((str(copy.destination), key))
                look = looks.get((backup.series, copy.destination))
                if harm is None or harm.is_lost or look is None or self.world.clock_went_back:
                    continue
                is_known = look.looked_at <= harm.at or copy.state is not CopyState.COMPLETE
                require(is_known, "I3", f"a collection met {key}, and it still counts as complete")

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


def _backup_of(manifest: ObjectKey) -> str:
    return manifest.split("/backups/")[1].split("/")[0]


def _is_same(one: Action, other: Action) -> bool:
    return replace(one, reason="") == replace(other, reason="")


def _of(policy: str, plan: Plan) -> list[Action]:
    return [action for action in plan.actions if action.series.policy == policy]


def _say(outcomes: Sequence[Outcome]) -> str:
    return "; ".join(
        f"{type(one.action).__name__} of {one.action.series}:"
        f" {one.error if isinstance(one, Failed) else one.summary}"
        for one in outcomes
    )
