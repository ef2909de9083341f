"""One full pass: observe → plan → record what is in force → do it → tell somebody (design §5).

Every pass decides from state alone, so a second one right after the first has nothing to do, and
one after a crash goes on from what is there.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Protocol

from typing_extensions import override

from orchestrator.errors import Kind
from orchestrator.execution.context import Execution
from orchestrator.execution.deliver_alert import deliver_alert
from orchestrator.execution.executor import execute
from orchestrator.model.actions import Action, RecoverSeries, Upkeep
from orchestrator.model.alert import Delivery
from orchestrator.model.names import Series
from orchestrator.model.observation import Observation
from orchestrator.model.outcome import Failed, Outcome, Succeeded
from orchestrator.model.plan import Plan, Retry
from orchestrator.model.policy import DesiredState
from orchestrator.model.run import LogAction, LogOutcome
from orchestrator.model.timeline import MissedSlots
from orchestrator.planning.phrases import say_time
from orchestrator.planning.planner import make_plan
from orchestrator.ports.catalog import AppliedSchedule
from orchestrator.reconciler.observe import observe


@dataclass(frozen=True, slots=True, kw_only=True)
class PassResult:
    """What a pass planned, what came of each action in the plan's order, and who was told."""

    plan: Plan
    outcomes: tuple[Outcome, ...]
    deliveries: tuple[Delivery, ...]


@dataclass(frozen=True, slots=True)
class Done:
    """One action that was tried, what came of it, and who was told."""

    action: Action
    outcome: Outcome
    deliveries: tuple[Delivery, ...]


class Watcher(Protocol):
    """Is told of each action as it begins and ends, from whatever thread does it."""

    def began(self, action: Action) -> None:
        """Learn that an action begins."""
        ...

    def ended(self, done: Done) -> None:
        """Learn what came of an action."""
        ...


class NobodyWatches(Watcher):
    """For passes whose results are shown at their end."""

    @override
    def began(self, action: Action) -> None:
        pass

    @override
    def ended(self, done: Done) -> None:
        pass


def run_pass(
    execution: Execution, *, retry: Retry = Retry.AT_ONCE, allow_prune: int = 0
) -> PassResult:
    """Make reality match the policies, once; ``allow_prune`` copies may go beyond a day's measure.

    Where a backup was taken, recovered or proved, retention has moved on: what has to be tidied up
    because of that is done at once, so that a second pass has nothing to do.

    Raises:
        CatalogError: the catalog cannot be read or written; nothing was done.
        KeyboardInterrupt: passed on after every run under way was closed as interrupted.
    """
    plan = begin_pass(execution, retry, allow_prune=allow_prune)
    outcomes, deliveries = carry_out(plan.actions, execution)
    settled, told = tidy_up(execution, among=_moved_on(outcomes))
    return PassResult(plan=plan, outcomes=(*outcomes, *settled), deliveries=(*deliveries, *told))


def prune_pass(execution: Execution, *, allow_prune: int = 0) -> PassResult:
    """Tidy up every series as a pass would, without taking or proving a backup.

    Raises:
        CatalogError: the catalog cannot be read; nothing was done.
    """
    plan = begin_pass(execution, Retry.AT_ONCE, allow_prune=allow_prune)
    only = replace(plan, actions=tuple(a for a in plan.actions if isinstance(a, Upkeep)))
    outcomes, deliveries = carry_out(only.actions, execution)
    return PassResult(plan=only, outcomes=outcomes, deliveries=deliveries)


def tidy_up(
    execution: Execution, *, among: Collection[Series]
) -> tuple[tuple[Outcome, ...], tuple[Delivery, ...]]:
    """Look at these series again, and do the upkeep that they need now.

    Raises:
        CatalogError: the catalog cannot be read.
    """
    if not among:
        return (), ()
    seen = observe(execution.desired, execution.reader, execution.clock, execution.machine)
    actions = [
        action
        for action in make_plan(execution.desired, seen).actions
        if isinstance(action, Upkeep) and action.series in among
    ]
    return carry_out(actions, execution)


def _moved_on(outcomes: Iterable[Outcome]) -> frozenset[Series]:
    return frozenset(
        outcome.action.series
        for outcome in outcomes
        if isinstance(outcome, Succeeded) and not isinstance(outcome.action, Upkeep)
    )


def begin_pass(execution: Execution, retry: Retry, *, allow_prune: int = 0) -> Plan:
    """Look at everything, and return the plan; what is in force and what was missed is recorded.

    Raises:
        CatalogError: the catalog cannot be read or written.
    """
    desired = execution.desired
    seen = observe(
        desired, execution.reader, execution.clock, execution.machine, allow_prune=allow_prune
    )
    plan = make_plan(desired, seen, retry=retry)
    _record_applied(seen, execution)
    for missed in plan.missed:
        record_missed(missed, execution)
    return plan


def note_missed(execution: Execution) -> None:
    """Record what was missed so far, for a backup by hand, which would hide it from later passes.

    Raises:
        CatalogError: the catalog cannot be read or written.
    """
    desired = execution.desired
    seen = observe(desired, execution.reader, execution.clock, execution.machine)
    for missed in make_plan(desired, seen).missed:
        record_missed(missed, execution)


def record_missed(missed: MissedSlots, execution: Execution) -> None:
    """Write into the log, once, which slots passed without a backup and stay without one."""
    more = " or more" if missed.at_least else ""
    detail = {"schedule": str(missed.schedule), "slots": f"{missed.count}{more}"}
    if missed.first == missed.last:
        detail["slot"] = say_time(missed.last)
    else:
        detail |= {"first": say_time(missed.first), "last": say_time(missed.last)}
    execution.writer.record_missed(
        missed,
        execution.log_entry(LogAction.MISS, str(missed.series), LogOutcome.FAILED, detail),
    )


def carry_out(
    actions: Sequence[Action], execution: Execution
) -> tuple[tuple[Outcome, ...], tuple[Delivery, ...]]:
    """Do actions, different series in parallel, and tell somebody about those that failed.

    Within a series they are done in the order given, recovery first. Returns the outcomes in the
    order of the actions, and what came of every alert.
    """
    groups = by_series(actions).values()
    done = {item.action: item for item in _in_parallel(groups, execution)}
    return (
        tuple(done[action].outcome for action in actions),
        tuple(delivery for action in actions for delivery in done[action].deliveries),
    )


def by_series(actions: Sequence[Action]) -> Mapping[Series, Sequence[Action]]:
    """Return the actions of each series in the order given, but recovery first."""
    grouped: dict[Series, list[Action]] = {}
    for action in sorted(actions, key=lambda action: not isinstance(action, RecoverSeries)):
        grouped.setdefault(action.series, []).append(action)
    return grouped


def applied_schedules(desired: DesiredState, seen: Observation) -> tuple[AppliedSchedule, ...]:
    """Return every schedule of the policies, and since when it is in force in its present form.

    A new or edited schedule is in force from now on; it never fires for the past (design §7).
    """
    schedules = (
        (policy.name, schedule.name, schedule.cron, str(policy.timezone))
        for policy in desired.policies.values()
        for schedule in policy.schedules
    )
    return tuple(
        AppliedSchedule(
            policy=form[0],
            schedule=form[1],
            cron=form[2],
            timezone=form[3],
            # One that was applied in the future was so by a clock that has been set back since.
            since=min(seen.schedules_since.get(form, seen.now), seen.now),
        )
        for form in schedules
    )


def _record_applied(seen: Observation, execution: Execution) -> None:
    revision = execution.desired.revision
    schedules = applied_schedules(execution.desired, seen)
    forms = {(one.policy, one.schedule, one.cron, one.timezone): one.since for one in schedules}
    if seen.applied_revision == revision.digest and seen.schedules_since == forms:
        return
    detail = {"revision": revision.digest, "git_commit": revision.git_commit or "none"}
    execution.writer.record_applied(
        revision,
        schedules,
        execution.log_entry(LogAction.APPLY, "policies", LogOutcome.SUCCEEDED, detail),
    )


def _in_parallel(groups: Iterable[Sequence[Action]], execution: Execution) -> Sequence[Done]:
    """Work off each group in a thread of its own, as many at once as the settings allow."""
    workers = execution.desired.max_parallel
    with ThreadPoolExecutor(workers, thread_name_prefix="series") as pool:
        futures = [pool.submit(work_off, group, execution) for group in groups]
        try:
            return [done for future in futures for done in future.result()]
        except BaseException:
            # Ctrl-C reaches only this thread: the others are told, and close their runs.
            execution.interruption.request()
            pool.shutdown(cancel_futures=True)
            raise


def work_off(
    actions: Sequence[Action],
    execution: Execution,
    *,
    watcher: Watcher | None = None,
    may_begin: Callable[[], bool] = lambda: True,
) -> Sequence[Done]:
    """Do the actions of one series in the order given, and tell somebody about those that failed.

    Before each action ``may_begin`` is asked; what it forbids, and all behind it, is not done.
    """
    watching = watcher or NobodyWatches()
    done: list[Done] = []
    told: set[tuple[str, Kind]] = set()
    for action in actions:
        if not may_begin():
            break
        watching.began(action)
        outcome = execute(action, execution)
        deliveries: tuple[Delivery, ...] = ()
        if isinstance(outcome, Failed) and (outcome.error.what, outcome.kind) not in told:
            # One cause, one message: a recovery that fails makes the backup behind it fail, too.
            told.add((outcome.error.what, outcome.kind))
            deliveries = deliver_alert(outcome, execution)
        done.append(Done(action, outcome, deliveries))
        watching.ended(done[-1])
    return done
