"""Sending beside the work: no backup waits for a channel, and no failure for the end of a pass."""

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from threading import Lock
from typing import final

from orchestrator.errors import OrchestratorError
from orchestrator.model.alert import Delivery

_log = logging.getLogger(__name__)

Round = Callable[[], Sequence[Delivery]]
"""Sends what is to be sent, and returns what came of it."""


@final
class Post:
    """Makes one round after the other, in a thread of its own."""

    def __init__(self) -> None:
        """Start with nothing to send; the thread begins with the first round."""
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="post")
        self._lock = Lock()
        self._busy = False
        self._closed = False
        self._next: dict[str, Round] = {}
        self._current: Future[None] | None = None
        self._deliveries: list[Delivery] = []

    def ask(self, make_round: Round, *, about: str = "the outbox") -> None:
        """Make a round after the one under way; of several about one thing meanwhile, the last.

        Once it is closed nothing is made any more: a timer may come too late.
        """
        with self._lock:
            if self._closed:
                return
            if self._busy:
                self._next[about] = make_round
                return
            self._busy = True
            # Within the lock: `close` must not come in between.
            self._current = self._pool.submit(self._work, make_round)

    def collect(self) -> Sequence[Delivery]:
        """Return what came of the attempts since the last time."""
        with self._lock:
            collected, self._deliveries = self._deliveries, []
        return tuple(collected)

    def wait(self, seconds: float | None = None) -> None:
        """Return when nothing is under way any more, or after so many seconds."""
        if self._current is not None:
            wait([self._current], timeout=seconds)

    def close(self) -> None:
        """Begin no round any more; what is under way ends by itself, within seconds."""
        with self._lock:
            self._closed = True
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _work(self, first: Round) -> None:
        current: Round | None = first
        while current is not None:
            made = _make(current)
            with self._lock:
                self._deliveries.extend(made)
                current = self._next.pop(next(iter(self._next))) if self._next else None
                self._busy = current is not None


def _make(make_round: Round) -> Sequence[Delivery]:
    try:
        return make_round()
    except OrchestratorError as error:
        _log.warning("round_failed", extra={"code": error.code, "what": error.what})
    except Exception as error:  # noqa: BLE001 - a defect here must not end the thread that tells
        _log.warning("round_failed", extra={"what": f"an unexpected {type(error).__name__}"})
        _log.debug("round_failed: %s", error, exc_info=error)
    return ()
