"""What a loop says to people: incidents are noted at each look, and sent beside everything else."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import final

from orchestrator.errors import CatalogError
from orchestrator.execution.context import Execution
from orchestrator.execution.deliver_outbox import deliver_outbox
from orchestrator.execution.tell_without_catalog import tell_without_catalog
from orchestrator.model.observation import Observation
from orchestrator.ports.clock import Clock
from orchestrator.reconciler.events import Events
from orchestrator.reconciler.telling import Concerns, Post, note_troubles

SEND_SECONDS = 5.0
"""How often the outbox is looked at: other processes write into it, too."""

GATHER_SECONDS = 10.0
"""How long failures are gathered before they are noted: what one cause breaks, breaks together."""

LAST_WORDS_SECONDS = 10.0
"""How long the end of a loop waits for what is being sent."""


@final
class Speaker:
    """Notes what is wrong and sends what is due, with one round under way at a time."""

    def __init__(self, clock: Clock, events: Events) -> None:
        """Given the clock of a loop and its log, say nothing yet."""
        self._clock = clock
        self._events = events
        self._post = Post()
        self._failed_at: float | None = None
        self._sent_at = float("-inf")
        self._invalid_since: datetime | None = None

    @property
    def speaks_at(self) -> float | None:
        """When failures that are being gathered are to be noted (monotonic seconds), or None."""
        return None if self._failed_at is None else self._failed_at + GATHER_SECONDS

    def failed(self) -> None:
        """Learn that something failed; others may follow within seconds."""
        if self._failed_at is None:
            self._failed_at = self._clock.monotonic()

    def note(self, seen: Observation, execution: Execution, problems: Sequence[str]) -> None:
        """Note what is wrong, unless failures are being gathered, and send what is due.

        Raises:
            CatalogError: the catalog cannot be read or written.
        """
        since = self._invalid_since or seen.now
        self._invalid_since = since if problems else None
        if self.speaks_at is not None and self._clock.monotonic() < self.speaks_at:
            return
        self._failed_at = None
        note_troubles(seen, execution, Concerns(problems=problems, since=since))
        self._send(execution)

    def send_due(self, execution: Callable[[], Execution]) -> None:
        """Send what is due, now and then."""
        if self._clock.monotonic() - self._sent_at >= SEND_SECONDS:
            self._send(execution())

    def tell_directly(self, error: CatalogError, execution: Execution) -> None:
        """Say that the catalog cannot be used."""
        self._post.ask(
            lambda: tell_without_catalog(
                error,
                execution.desired,
                execution.alerts,
                notes=execution.notes,
                now=execution.clock.now(),
            )
        )

    def close(self, execution: Execution) -> None:
        """Send what is due once more, and wait a little for it."""
        self._send(execution)
        self._post.wait(LAST_WORDS_SECONDS)
        self._say_deliveries()
        self._post.close()

    def _send(self, execution: Execution) -> None:
        self._sent_at = self._clock.monotonic()
        self._say_deliveries()
        self._post.ask(lambda: deliver_outbox(execution, at_once=False))

    def _say_deliveries(self) -> None:
        for delivery in self._post.collect():
            self._events.delivered(delivery)
