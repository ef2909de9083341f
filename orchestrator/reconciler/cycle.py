"""One full pass: observe → plan → record what is in force → do it → tell somebody (design §5).

Every pass decides from state alone, so a second one right after the first has nothing to do, and
one after a crash goes on from what is there.
"""

import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Protocol

from typing_extensions import override

from orchestrator.errors import CatalogError
from orchestrator.execution.context import Execution
from orchestrator.execution.error_report import report_of
from orchestrator.execution.executor import execute
from orchestrator.execution.find_databases import unlisted_databases, with_databases
from orchestrator.execution.measure_space import SpaceGauge
from orchestrator.execution.send_heartbeats import Heartbeats
from orchestrator.model.actions import Action, RecoverSeries, Upkeep
from orchestrator.model.alert import Delivery
from orchestrator.model.names import Series
from orchestrator.model.observation import Observation
from orchestrator.model.outcome import Failed, Outcome, Succeeded
from orchestrator.model.plan import Plan, Retry
from orchestrator.model.run import ErrorReport, LogAction, LogOutcome
from orchestrator.model.timeline import MissedSlots
from orchestrator.planning.phrases import say_time
from orchestrator.planning.planner import make_plan
from orchestrator.reconciler.changes import add_changes
from orchestrator.reconciler.monitoring.write_metrics import write_metrics
from orchestrator.reconciler.observe import observe
from orchestrator.reconciler.record_applied import record_applied
from orchestrator.reconciler.renames import carry_over
from orchestrator.reconciler.telling import (
    BEGINNING,
    TellingBeside,
    forget_needless,
    look,
    note_outcome,
    note_troubles,
    tell,
)

HEARTBEAT_PATIENCE_SECONDS = 5.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class PassResult:
    """What a pass planned, what came of each action in the plan's order, and who was told.

    ``unlisted`` says why it is not known which databases some patterns stand for; ``unsettled``, why
    it is not known what has to be tidied up because of these actions.
    """

    plan: Plan
    outcomes: tuple[Outcome, ...]
    deliveries: tuple[Delivery, ...]
    unlisted: tuple[ErrorReport, ...] = ()
    unsettled: ErrorReport | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """One action that was tried, what came of it, and why that is not in the catalog, if it is not."""

    action: Action
    outcome: Outcome
    unrecorded: CatalogError | None = None

    @property
    def is_trouble(self) -> bool:
        """Whether it failed by itself: not because of a person, or of somebody who was first."""
        return isinstance(self.outcome, Failed) and self.outcome.error.is_trouble


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
        CatalogError: the catalog cannot be read or written; no action was begun.
        KeyboardInterrupt: passed on after every run under way was closed as interrupted.
    """
    execution = with_databases(execution)
    plan, seen = _begin(execution, retry, allow_prune=allow_prune)
    work = _do(plan.actions, execution)
    settled = _settle(work.outcomes, execution)
    told = _end_pass(
        execution,
        None if work.outcomes else seen,
        unrecorded=work.unrecorded or settled.unrecorded,
    )
    return PassResult(
        plan=plan,
        outcomes=(*work.outcomes, *settled.outcomes),
        deliveries=(*work.deliveries, *settled.deliveries, *told),
        unlisted=unlisted_databases(execution.desired),
        unsettled=None if settled.unrecorded is None else report_of(settled.unrecorded),
    )


def _settle(outcomes: Sequence[Outcome], execution: Execution) -> "_Work":
    """Tidy up where retention has moved on; a catalog that fails now loses none of the outcomes."""
    try:
        return _do(_list_upkeep(execution, among=_moved_on(outcomes)), execution)
    except CatalogError as error:
        return _Work(unrecorded=error)


def _end_pass(
    execution: Execution, unchanged: Observation | None, *, unrecorded: CatalogError | None
) -> tuple[Delivery, ...]:
    """Measure the room that is left, tell whoever is to know, and ping the dead man's switches.

    ``unchanged`` is what was seen at the beginning, if nothing was done since. Where something is
    ``unrecorded``, nobody can say that all is well: a dead man's switch is left to go off.
    """
    try:
        SpaceGauge().measure(execution)
        seen = unchanged or look(execution)
    except CatalogError as error:
        return tell(execution, unrecorded=unrecorded or error)
    deliveries = tell(execution, seen, unrecorded=unrecorded)
    if unrecorded is not None:
        return deliveries
    Heartbeats().beat(execution, seen, patience=HEARTBEAT_PATIENCE_SECONDS)
    write_metrics(execution, seen)
    return deliveries


def prune_pass(execution: Execution, *, allow_prune: int = 0) -> PassResult:
    """Tidy up every series as a pass would, without taking or proving a backup.

    Raises:
        CatalogError: the catalog cannot be read or written; nothing was tidied up.
    """
    plan = begin_pass(execution, Retry.AT_ONCE, allow_prune=allow_prune)
    only = replace(plan, actions=tuple(a for a in plan.actions if isinstance(a, Upkeep)))
    outcomes, deliveries = carry_out(only.actions, execution)
    return PassResult(plan=only, outcomes=outcomes, deliveries=deliveries)


def _list_upkeep(execution: Execution, *, among: Collection[Series]) -> Sequence[Action]:
    if not among:
        return ()
    return [
        action
        for action in make_plan(execution.desired, look(execution)).actions
        if isinstance(action, Upkeep) and action.series in among
    ]


def _moved_on(outcomes: Iterable[Outcome]) -> frozenset[Series]:
    return frozenset(
        outcome.action.series
        for outcome in outcomes
        if isinstance(outcome, Succeeded) and not isinstance(outcome.action, Upkeep)
    )


def begin_pass(execution: Execution, retry: Retry, *, allow_prune: int = 0) -> Plan:
    """Look at everything, and return the plan; what is in force, missed and wrong is recorded.

    Raises:
        CatalogError: the catalog cannot be read or written.
    """
    return _begin(execution, retry, allow_prune=allow_prune)[0]


def _begin(execution: Execution, retry: Retry, *, allow_prune: int) -> tuple[Plan, Observation]:
    plan, seen = plan_pass(execution, retry, allow_prune=allow_prune)
    try:
        note_troubles(seen, execution, BEGINNING)
    except CatalogError:
        raise
    except Exception as error:  # noqa: BLE001 - a defect in telling must not keep backups from being taken
        what = f"an unexpected {type(error).__name__}"
        _log.warning("troubles_not_noted", extra={"what": what})
        _log.debug("troubles_not_noted: %s", error, exc_info=error)
    return plan, seen


def plan_pass(
    execution: Execution, retry: Retry, *, allow_prune: int = 0
) -> tuple[Plan, Observation]:
    """Look at everything, record what is in force and what was missed, and plan.

    Raises:
        CatalogError: the catalog cannot be read or written.
    """
    desired, reader = execution.desired, execution.reader
    seen = observe(desired, reader, execution.clock, execution.machine, allow_prune=allow_prune)
    plan = add_changes(make_plan(desired, seen, retry=retry), desired, reader)
    waiting = carry_over(execution)
    done = tuple(change for change in plan.changes if change.policy not in waiting)
    plan = replace(plan, changes=done)
    record_applied(seen, done, execution, waiting=waiting)
    for missed in plan.missed:
        record_missed(missed, execution)
    forget_needless(plan, execution)
    return plan, seen


def note_missed(execution: Execution) -> None:
    """Record what was missed so far, for a backup by hand, which would hide it from later passes.

    What a renamed policy is known by goes over to its new name before.

    Raises:
        CatalogError: the catalog cannot be read or written.
    """
    carry_over(execution)
    for missed in make_plan(execution.desired, look(execution)).missed:
        record_missed(missed, execution)


def record_missed(missed: MissedSlots, execution: Execution) -> None:
    """Write into the log, once, which slots passed without a backup and stay without one.

    A mark that is later than these slots, and not in the future, is of a process that saw more than
    this one, which was frozen while it looked.
    """
    counted = missed.counted_from
    if counted is not None and missed.last < counted <= execution.clock.now():
        return
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
    """Do actions, different series in parallel, and tell whoever is to know what is wrong then.

    Within a series they are done in the order given, recovery first. Returns the outcomes in the
    order of the actions, and what came of every alert.
    """
    work = _do(actions, execution)
    return work.outcomes, (*work.deliveries, *tell(execution, unrecorded=work.unrecorded))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    """What came of actions, who was told meanwhile, and why the catalog lacks some of it, if so."""

    outcomes: tuple[Outcome, ...] = ()
    deliveries: tuple[Delivery, ...] = ()
    unrecorded: CatalogError | None = None


def _do(actions: Sequence[Action], execution: Execution) -> _Work:
    """Do actions; failures are told beside them where others take long, all else afterwards."""
    if not actions:
        return _Work()
    beside = TellingBeside(execution)
    try:
        beside.begin()
        groups = by_series(actions).values()
        done = {item.action: item for item in _in_parallel(groups, execution, beside)}
    finally:
        deliveries = tuple(beside.end())
    errors = (item.unrecorded for item in done.values())
    return _Work(
        outcomes=tuple(done[action].outcome for action in actions),
        deliveries=deliveries,
        unrecorded=next((error for error in errors if error is not None), None),
    )


def by_series(actions: Sequence[Action]) -> Mapping[Series, Sequence[Action]]:
    """Return the actions of each series in the order given, but recovery first."""
    grouped: dict[Series, list[Action]] = {}
    for action in sorted(actions, key=lambda action: not isinstance(action, RecoverSeries)):
        grouped.setdefault(action.series, []).append(action)
    return grouped


def _in_parallel(
    groups: Iterable[Sequence[Action]], execution: Execution, beside: TellingBeside
) -> Sequence[Done]:
    """Work off each group in a thread of its own, as many at once as the settings allow.

    A defect in one is raised when the others have ended; of several the first, the others logged.
    """
    workers = execution.desired.max_parallel
    watcher = _TellsFailures(beside)
    with ThreadPoolExecutor(workers, thread_name_prefix="series") as pool:
        try:
            futures = [pool.submit(work_off, group, execution, watcher) for group in groups]
            done, defects = _results_of(futures)
        except BaseException:
            # Ctrl-C reaches only this thread: the others are told, and close their runs.
            execution.interruption.request()
            pool.shutdown(cancel_futures=True)
            raise
    for further in defects[1:]:
        _log.warning("unexpected_error", extra={"what": type(further).__name__})
        _log.debug("unexpected_error: %s", further, exc_info=further)
    if defects:
        raise defects[0]
    return done


def _results_of(
    futures: Iterable[Future[Sequence[Done]]],
) -> tuple[Sequence[Done], Sequence[Exception]]:
    """Wait for all work, and return what came of it, and the defects that ended some of it."""
    done, defects = list[Done](), list[Exception]()
    for future in futures:
        try:
            done.extend(future.result())
        except Exception as error:  # noqa: BLE001 - a defect in one series breaks no other off
            defects.append(error)
    return done, defects


@dataclass(frozen=True, slots=True)
class _TellsFailures(NobodyWatches):
    """Passes on what begins, and what failed."""

    beside: TellingBeside

    @override
    def began(self, action: Action) -> None:
        self.beside.began(action)

    @override
    def ended(self, done: Done) -> None:
        self.beside.ended(done.action)
        if done.is_trouble or done.unrecorded is not None:
            self.beside.failed(done.unrecorded)


def work_off(
    actions: Sequence[Action],
    execution: Execution,
    watcher: Watcher,
    *,
    may_begin: Callable[[], bool] = lambda: True,
) -> Sequence[Done]:
    """Do the actions of one series in the order given, and remember which of them failed.

    Before each action ``may_begin`` is asked; what it forbids, and all behind it, is not done. Nor
    is anything begun behind an outcome that the catalog did not take: each attempt could wait for
    its lock again.
    """
    done: list[Done] = []
    for number, action in enumerate(actions, start=1):
        if not may_begin():
            break
        watcher.began(action)
        began = execution.clock.now()
        outcome = execute(action, execution)
        unrecorded = note_outcome(outcome, execution, began=began)
        done.append(Done(action, outcome, unrecorded))
        watcher.ended(done[-1])
        if unrecorded is not None:
            return [*done, *(_not_begun(rest, unrecorded) for rest in actions[number:])]
    return done


def _not_begun(action: Action, error: CatalogError) -> Done:
    return Done(action, Failed(action=action, error=report_of(error), kind=error.kind), error)
