"""Telling of failures while the rest of a pass goes on."""

from collections.abc import Sequence
from datetime import timedelta
from threading import Lock, Timer
from typing import final

from orchestrator.errors import CatalogError
from orchestrator.execution.context import Execution
from orchestrator.execution.deliver_outbox import deliver_outbox
from orchestrator.model.actions import Action, TakeBackup
from orchestrator.model.alert import Delivery
from orchestrator.model.policy import WARN_AT
from orchestrator.reconciler.telling.at_once import tell
from orchestrator.reconciler.telling.incidents import UNDER_WAY
from orchestrator.reconciler.telling.post import Post

GATHER_SECONDS = 10.0
"""How long failures are gathered before they are told: what one cause breaks, breaks together."""

LEEWAY = timedelta(seconds=1)
"""How long after half of its time a run is looked at: it begins some steps after its action."""


@final
class TellingBeside:
    """Sends what waits from before, and tells of failures some seconds after the first of them."""

    def __init__(self, execution: Execution) -> None:
        """Given what actions need, do nothing yet."""
        self._execution = execution
        self._post = Post()
        self._lock = Lock()
        self._timer: Timer | None = None
        self._ageing: dict[Action, Timer] = {}
        self._unrecorded: CatalogError | None = None

    def begin(self) -> None:
        """Send what waits, if anything does.

        Raises:
            CatalogError: the outbox cannot be read.
        """
        if self._execution.reader.undelivered():
            self._post.ask(lambda: deliver_outbox(self._execution, at_once=True))

    def failed(self, unrecorded: CatalogError | None = None) -> None:
        """Learn that something failed, and why the catalog does not say so, if it does not."""
        with self._lock:
            self._unrecorded = self._unrecorded or unrecorded
            if self._timer is None:
                self._timer = Timer(GATHER_SECONDS, self._tell)
                self._timer.daemon = True
                self._timer.start()

    def began(self, action: Action) -> None:
        """Learn that an action begins: a backup that reads for long is told of while it reads."""
        if not isinstance(action, TakeBackup):
            return
        allowed = self._execution.policy_of(action.series).source.max_duration
        timer = Timer((allowed * WARN_AT + LEEWAY).total_seconds(), self._tell_now)
        timer.daemon = True
        with self._lock:
            self._ageing[action] = timer
        timer.start()

    def ended(self, action: Action) -> None:
        """Learn that an action is over."""
        with self._lock:
            timer = self._ageing.pop(action, None)
        if timer is not None:
            timer.cancel()

    def end(self) -> Sequence[Delivery]:
        """Return what came of every attempt, once what is under way has ended.

        What was gathered and not told yet is for whoever tells at the end of the work.
        """
        with self._lock:
            timers = [*self._ageing.values(), *([self._timer] if self._timer else [])]
            self._timer = None
            self._ageing.clear()
        for timer in timers:
            timer.cancel()
        self._post.wait()
        self._post.close()
        return self._post.collect()

    def _tell(self) -> None:
        with self._lock:
            if self._timer is None:
                return
            self._timer = None
        self._tell_now()

    def _tell_now(self) -> None:
        self._post.ask(
            lambda: tell(self._execution, concerns=UNDER_WAY, unrecorded=self._unrecorded)
        )
