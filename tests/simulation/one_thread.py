"""The product without threads, so that one seed always tells the same story.

Work that it hands to a pool is done at once, in the order of submission. The lease is not renewed
by a thread that waits: whoever lets virtual time pass renews what a live process holds.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from functools import lru_cache
from types import TracebackType
from typing import Any, Self
from unittest.mock import patch

from orchestrator.execution.backup import read_chunks
from orchestrator.execution.lease.hold_lease import HeldLease
from orchestrator.execution.verification import read_copy
from orchestrator.planning import schedule
from orchestrator.planning.cron import CronTimes
from orchestrator.reconciler import cycle


class RememberedTimes(CronTimes):
    """Asks croniter each question once: a third of all time would go there otherwise."""

    after = lru_cache(100_000)(CronTimes.after)
    at_or_before = lru_cache(100_000)(CronTimes.at_or_before)


TIMES = lru_cache(1_000)(RememberedTimes)
POOLED = (cycle, read_chunks, read_copy)


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


class _NoThread:
    def start(self) -> None:
        pass

    def join(self) -> None:
        pass


def _hold(held: HeldLease) -> None:
    # The clock of a simulated process knows the leases that it holds: see `Process.renew_leases`.
    held._renewal = _NoThread()
    held._execution.clock.held.append(held)


@contextmanager
def one_thread() -> Iterator[None]:
    """Run the product in the calling thread alone while the block lasts."""
    patches = [patch.object(module, "ThreadPoolExecutor", PoolOfOne) for module in POOLED]
    patches.append(patch.object(schedule, "CronTimes", TIMES))
    patches.append(patch.object(HeldLease, "start_renewing", _hold))
    for each in patches:
        each.start()
    try:
        yield
    finally:
        for each in patches:
            each.stop()
