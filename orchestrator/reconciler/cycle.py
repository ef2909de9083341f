"""One full pass: observe → plan → record what is in force → do it → tell somebody (design §5).

Every pass decides from state alone, so a second one right after the first has nothing to do, and
one after a crash goes on from what is there.
"""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from orchestrator.errors import Kind
from orchestrator.execution.context import Execution
from orchestrator.execution.deliver_alert import deliver_alert
from orchestrator.execution.executor import execute
from orchestrator.model.actions import Action, RecoverSeries
from orchestrator.model.alert import Delivery
from orchestrator.model.names import Series
from orchestrator.model.observation import Observation
from orchestrator.model.outcome import Failed, Outcome
from orchestrator.model.plan import Plan
from orchestrator.model.policy import DesiredState
from orchestrator.model.run import LogAction, LogOutcome
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
class _Done:
    action: Action
    outcome: Outcome
    deliveries: tuple[Delivery, ...]


def run_pass(execution: Execution) -> PassResult:
    """Make reality match the policies, once.

    Raises:
        CatalogError: the catalog cannot be read or written; nothing was done.
        KeyboardInterrupt: passed on after every run under way was closed as interrupted.
    """
    desired = execution.desired
    seen = observe(desired, execution.reader, execution.clock, execution.machine)
    plan = make_plan(desired, seen)
    _record_applied(seen, execution)
    outcomes, deliveries = carry_out(plan.actions, execution)
    return PassResult(plan=plan, outcomes=outcomes, deliveries=deliveries)


def carry_out(
    actions: Sequence[Action], execution: Execution
) -> tuple[tuple[Outcome, ...], tuple[Delivery, ...]]:
    """Do actions, different series in parallel, and tell somebody about those that failed.

    Within a series they are done in the order given, recovery first. Returns the outcomes in the
    order of the actions, and what came of every alert.
    """
    by_series: dict[Series, list[Action]] = {}
    for action in sorted(actions, key=lambda action: not isinstance(action, RecoverSeries)):
        by_series.setdefault(action.series, []).append(action)
    done = {item.action: item for item in _in_parallel(by_series.values(), execution)}
    return (
        tuple(done[action].outcome for action in actions),
        tuple(delivery for action in actions for delivery in done[action].deliveries),
    )


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
            since=seen.schedules_since.get(form, seen.now),
        )
        for form in schedules
    )


def _record_applied(seen: Observation, execution: Execution) -> None:
    revision = execution.desired.revision
    detail = {"revision": revision.digest, "git_commit": revision.git_commit or "none"}
    execution.writer.record_applied(
        revision,
        applied_schedules(execution.desired, seen),
        execution.log_entry(LogAction.APPLY, "policies", LogOutcome.SUCCEEDED, detail),
    )


def _in_parallel(groups: Iterable[Sequence[Action]], execution: Execution) -> Sequence[_Done]:
    """Work off each group in a thread of its own, as many at once as the settings allow."""
    workers = execution.desired.max_parallel
    with ThreadPoolExecutor(workers, thread_name_prefix="series") as pool:
        futures = [pool.submit(_in_order, group, execution) for group in groups]
        try:
            return [done for future in futures for done in future.result()]
        except BaseException:
            # Ctrl-C reaches only this thread: the others are told, and close their runs.
            execution.interruption.request()
            pool.shutdown(cancel_futures=True)
            raise


def _in_order(actions: Sequence[Action], execution: Execution) -> Sequence[_Done]:
    done: list[_Done] = []
    told: set[tuple[str, Kind]] = set()
    for action in actions:
        outcome = execute(action, execution)
        deliveries: tuple[Delivery, ...] = ()
        if isinstance(outcome, Failed) and (outcome.error.what, outcome.kind) not in told:
            # One cause, one message: a recovery that fails makes the backup behind it fail, too.
            told.add((outcome.error.what, outcome.kind))
            deliveries = deliver_alert(outcome, execution)
        done.append(_Done(action, outcome, deliveries))
    return done
