"""Working on several series side by side, while the loop goes on looking."""

from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from threading import Event

from orchestrator.execution.context import Execution
from orchestrator.model.actions import Action
from orchestrator.model.names import Series
from orchestrator.reconciler.carry_out import Done, Watcher, work_off

MOST_THREADS = 1000
"""More than any `max_parallel`, which is what bounds the work; threads are made when needed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """The actions of one series that were given to the crew, and what came of them.

    ``done`` lacks what was not begun. ``defect`` is an exception that nobody explained, or None.
    """

    actions: Sequence[Action]
    done: Sequence[Done] = ()
    defect: BaseException | None = None


class Crew:
    """Works off the actions of each series in a thread of its own; one thread per series."""

    def __init__(self, watcher: Watcher) -> None:
        """Tell the watcher of every action that begins and ends."""
        self._watcher = watcher
        self._pool = ThreadPoolExecutor(MOST_THREADS, thread_name_prefix="series")
        self._at_work: dict[Series, tuple[Sequence[Action], Future[Sequence[Done]]]] = {}
        self._draining = Event()

    @property
    def busy(self) -> frozenset[Series]:
        """The series that are worked on, or whose results were not collected yet."""
        return frozenset(self._at_work)

    def take_on(self, series: Series, actions: Sequence[Action], execution: Execution) -> None:
        """Begin to work off the actions of a series that nobody works on."""
        future = self._pool.submit(
            work_off,
            actions,
            execution,
            self._watcher,
            may_begin=lambda: not self._draining.is_set(),
        )
        self._at_work[series] = actions, future

    def wait(self, seconds: float) -> None:
        """Return when some work has ended, at the latest after so many seconds."""
        wait(
            [future for _, future in self._at_work.values()],
            timeout=seconds,
            return_when=FIRST_COMPLETED,
        )

    def has_finished(self) -> bool:
        """Whether there is something to collect."""
        return any(future.done() for _, future in self._at_work.values())

    def collect(self) -> Sequence[Finished]:
        """Return what has ended since the last time."""
        ended = [series for series, (_, future) in self._at_work.items() if future.done()]
        return [_finished(*self._at_work.pop(series)) for series in ended]

    def begin_nothing_more(self) -> None:
        """Let every series end with the action that is under way."""
        self._draining.set()

    def close(self) -> None:
        """Give the threads back, without waiting for one that does not end."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def _finished(actions: Sequence[Action], future: Future[Sequence[Done]]) -> Finished:
    defect = future.exception()
    if defect is not None:
        return Finished(actions=actions, defect=defect)
    return Finished(actions=actions, done=future.result())
