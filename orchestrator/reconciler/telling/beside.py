"""Telling of failures while the rest of a pass goes on."""

from collections.abc import Sequence
from threading import Lock, Timer
from typing import final

from orchestrator.execution.context import Execution
from orchestrator.execution.deliver_outbox import deliver_outbox
from orchestrator.model.alert import Delivery
from orchestrator.reconciler.telling.at_once import tell
from orchestrator.reconciler.telling.incidents import Concerns
from orchestrator.reconciler.telling.post import Post

GATHER_SECONDS = 10.0
"""How long failures are gathered before they are told: what one cause breaks, breaks together."""


@final
class TellingBeside:
    """Sends what waits from before, and tells of failures some seconds after the first of them."""

    def __init__(self, execution: Execution) -> None:
        """Given what actions need, do nothing yet."""
        self._execution = execution
        self._post = Post()
        self._lock = Lock()
        self._timer: Timer | None = None

    def begin(self) -> None:
        """Send what waits, if anything does.

        Raises:
            CatalogError: the outbox cannot be read.
        """
        if self._execution.reader.undelivered():
            self._post.ask(lambda: deliver_outbox(self._execution, at_once=True))

    def failed(self) -> None:
        """Learn that something failed."""
        with self._lock:
            if self._timer is None:
                self._timer = Timer(GATHER_SECONDS, self._tell)
                self._timer.daemon = True
                self._timer.start()

    def end(self) -> Sequence[Delivery]:
        """Return what came of every attempt, once what is under way has ended.

        What was gathered and not told yet is for whoever tells at the end of the work.
        """
        with self._lock:
            timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()
        self._post.wait()
        self._post.close()
        return self._post.collect()

    def _tell(self) -> None:
        with self._lock:
            if self._timer is None:
                return
            self._timer = None
            self._post.ask(lambda: tell(self._execution, concerns=Concerns()))
