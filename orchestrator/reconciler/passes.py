"""One full pass: observe → plan → record what is in force → do it → tell somebody (design §5).

Every pass decides from state alone, so a second one right after the first has nothing to do, and
one after a crash goes on from what is there.
"""

import logging
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from orchestrator.errors import CatalogError
from orchestrator.execution.context import Execution
from orchestrator.execution.error_report import report_of
from orchestrator.execution.find_databases import unlisted_databases, with_databases
from orchestrator.execution.measure_space import SpaceGauge
from orchestrator.execution.send_heartbeats import Heartbeats
from orchestrator.model.actions import Action, Upkeep
from orchestrator.model.alert import Delivery
from orchestrator.model.names import Series
from orchestrator.model.observation import Observation
from orchestrator.model.outcome import Outcome, Succeeded
from orchestrator.model.plan import Plan, Retry
from orchestrator.model.run import ErrorReport, LogAction, LogOutcome
from orchestrator.model.timeline import MissedSlots
from orchestrator.planning.phrases import say_time
from orchestrator.planning.planner import make_plan
from orchestrator.reconciler.applying.changes import add_changes
from orchestrator.reconciler.applying.record_applied import record_applied
from orchestrator.reconciler.applying.renames import carry_over
from orchestrator.reconciler.carry_out import Work, carry_out, do_actions
from orchestrator.reconciler.monitoring.write_metrics import write_metrics
from orchestrator.reconciler.observe import observe
from orchestrator.reconciler.telling import (
    BEGINNING,
    forget_needless,
    look,
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
    work = do_actions(plan.actions, execution)
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


def _settle(outcomes: Sequence[Outcome], execution: Execution) -> Work:
    """Tidy up where retention has moved on; a catalog that fails now loses none of the outcomes."""
    try:
        return do_actions(_list_upkeep(execution, among=_moved_on(outcomes)), execution)
    except CatalogError as error:
        return Work(unrecorded=error)


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
