"""Doing actions: different series side by side, those of one series in order; and telling of it."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

from typing_extensions import override

from orchestrator.errors import CatalogError
from orchestrator.execution.context import Execution
from orchestrator.execution.error_report import report_of
from orchestrator.execution.executor import execute
from orchestrator.model.actions import Action, RecoverSeries
from orchestrator.model.alert import Delivery
from orchestrator.model.names import Series
from orchestrator.model.outcome import Failed, Outcome
from orchestrator.reconciler.telling import TellingBeside, note_outcome, tell

_log = logging.getLogger(__name__)


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


def carry_out(
    actions: Sequence[Action], execution: Execution
) -> tuple[tuple[Outcome, ...], tuple[Delivery, ...]]:
    """Do actions, different series in parallel, and tell whoever is to know what is wrong then.

    Within a series they are done in the order given, recovery first. Returns the outcomes in the
    order of the actions, and what came of every alert.
    """
    work = do_actions(actions, execution)
    return work.outcomes, (*work.deliveries, *tell(execution, unrecorded=work.unrecorded))


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What came of actions, who was told meanwhile, and why the catalog lacks some of it, if so."""

    outcomes: tuple[Outcome, ...] = ()
    deliveries: tuple[Delivery, ...] = ()
    unrecorded: CatalogError | None = None


def do_actions(actions: Sequence[Action], execution: Execution) -> Work:
    """Do actions; failures are told beside them where others take long, all else afterwards."""
    if not actions:
        return Work()
    beside = TellingBeside(execution)
    try:
        beside.begin()
        groups = by_series(actions).values()
        done = {item.action: item for item in _in_parallel(groups, execution, beside)}
    finally:
        deliveries = tuple(beside.end())
    errors = (item.unrecorded for item in done.values())
    return Work(
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
