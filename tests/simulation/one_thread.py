"""The product without threads, so that one seed always tells the same story.

Work that it hands to a pool is done at once, in the order of submission. The lease is not renewed
by a thread that waits: whoever lets virtual time pass renews what a live process holds.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from functools import lru_cache
from types import TracebackType
from typing import Any, Self
from unittest.mock import patch

from typing_extensions import override

from orchestrator.archive import manifest
from orchestrator.execution import deliver_outbox, measure_space, send_heartbeats
from orchestrator.execution.backup import read_chunks
from orchestrator.execution.lease.hold_lease import HeldLease
from orchestrator.execution.rebuild import found_backups
from orchestrator.execution.verification import read_copy
from orchestrator.planning import schedule
from orchestrator.planning.cron import CronTimes
from orchestrator.reconciler import carry_out
from orchestrator.reconciler.telling import beside, post


class RememberedTimes(CronTimes):
    """Asks croniter each question once: a third of all time would go there otherwise."""

    after = lru_cache(100_000)(CronTimes.after)
    at_or_before = lru_cache(100_000)(CronTimes.at_or_before)


TIMES = lru_cache(1_000)(RememberedTimes)
DECODE = lru_cache(2_000)(manifest._decode)
"""Reads each manifest once: equal bytes are equal manifests."""
POOLED = (carry_out, deliver_outbox, found_backups, read_chunks, read_copy)
THREADED = (measure_space, send_heartbeats)


class PoolOfOne:
    """Stands for a ThreadPoolExecutor: does what is submitted at once."""

    def __init__(self, *_: object, **__: object) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        pass

    def submit(self, work: Callable[..., Any], *args: object) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(work(*args))
        except BaseException as error:  # noqa: BLE001 - as a pool does
            future.set_exception(error)
        return future

    def shutdown(self, **_: object) -> None:
        pass


class _Later(Future[Any]):
    """Work that is done when somebody waits for it."""

    work: Callable[[], Any] | None = None

    def do(self) -> None:
        """Do the work, once; who is killed at it takes all of the process along."""
        work, self.work = self.work, None
        if work is not None:
            self.set_result(work())


class PoolOfLater(PoolOfOne):
    """Stands for the pool of a `Post`: nobody's work waits for what it sends."""

    @override
    def submit(self, work: Callable[..., Any], *args: object) -> Future[Any]:
        future = _Later()
        future.work = lambda: work(*args)
        return future


def wait_for_all(futures: Sequence[_Later], **_: object) -> None:
    """Stands for `concurrent.futures.wait`."""
    for future in futures:
        future.do()


class ThreadOfNone:
    """Stands for a Thread: does its work when it is started."""

    def __init__(
        self, target: Callable[..., None], args: tuple[object, ...] = (), **_: object
    ) -> None:
        self._work = lambda: target(*args)

    def start(self) -> None:
        self._work()


class _Never:
    """Stands for a thread, or a Timer, whose time does not come while a pass lasts."""

    daemon = True

    def __init__(self, *_: object) -> None:
        pass

    def start(self) -> None:
        pass

    def join(self) -> None:
        pass

    def cancel(self) -> None:
        pass


def _hold(held: HeldLease) -> None:
    # The clock of a simulated process knows the leases that it holds: see `Process.renew_leases`.
    held._renewal = _Never()
    held._execution.clock.held.append(held)


@contextmanager
def one_thread() -> Iterator[None]:
    """Run the product in the calling thread alone while the block lasts."""
    patches = [patch.object(module, "ThreadPoolExecutor", PoolOfOne) for module in POOLED]
    patches += [patch.object(module, "Thread", ThreadOfNone) for module in THREADED]
    patches.append(patch.object(post, "ThreadPoolExecutor", PoolOfLater))
    patches.append(patch.object(post, "wait", wait_for_all))
    patches.append(patch.object(beside, "Timer", _Never))
    patches.append(patch.object(schedule, "CronTimes", TIMES))
    patches.append(patch.object(manifest, "_decode", DECODE))
    patches.append(patch.object(HeldLease, "start_renewing", _hold))
    for each in patches:
        each.start()
    try:
        yield
    finally:
        for each in patches:
            each.stop()
