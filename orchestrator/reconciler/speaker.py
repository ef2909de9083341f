"""What a loop says to people: incidents are noted at each look, and sent beside everything else."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import final

from orchestrator.errors import CatalogError
from orchestrator.execution.context import Execution, Interruption
from orchestrator.execution.deliver_outbox import deliver_outbox
from orchestrator.execution.tell_without_catalog import tell_without_catalog
from orchestrator.model.alert import Delivery
from orchestrator.model.observation import Observation
from orchestrator.model.outcome import Succeeded
from orchestrator.planning.alerting import Moment
from orchestrator.ports.clock import Clock
from orchestrator.reconciler.carry_out import Done
from orchestrator.reconciler.events import Events
from orchestrator.reconciler.telling import Concerns, Post, note_troubles, tell
from orchestrator.reconciler.telling.beside import GATHER_SECONDS

SEND_SECONDS = 5.0
"""How often the outbox is looked at: other processes write into it, too."""

DOUBT_SECONDS = 3600.0
"""How long a catalog that did not take something is in doubt, unless it takes something before.

What it did not take is tried again sooner than that, if it is still asked for."""

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
        self._concerns = Concerns()
        self._doubt_ends_at = float("-inf")
        self._unsaid: CatalogError | None = None

    @property
    def speaks_at(self) -> float | None:
        """When failures that are being gathered are to be noted (monotonic seconds), or None."""
        return None if self._failed_at is None else self._failed_at + GATHER_SECONDS

    def learn(self, done: Done, execution: Callable[[], Execution]) -> None:
        """Learn what came of an action; if it failed, others may follow within seconds.

        Where the catalog does not hold it, nobody could see later that it failed: it is told now.
        """
        now = self._clock.monotonic()
        if done.is_trouble and self._failed_at is None:
            self._failed_at = now
        if isinstance(done.outcome, Succeeded):
            self._doubt_ends_at = now
        if done.unrecorded is not None:
            self._doubt_ends_at = now + DOUBT_SECONDS
            self.tell_directly(done.unrecorded, execution())

    def note(self, seen: Observation, execution: Execution, problems: Sequence[str]) -> None:
        """Note what is wrong, unless failures are being gathered, and send what is due.

        Raises:
            CatalogError: the catalog cannot be read or written.
        """
        since = (self._concerns.since or seen.now) if problems else None
        self._concerns = Concerns(problems=problems, since=since)
        if self.speaks_at is not None and self._clock.monotonic() < self.speaks_at:
            return
        self._failed_at = None
        concerns = self._concerns_now()
        note_troubles(seen, execution, concerns)
        if not concerns.is_in_doubt:
            self._unsaid = None
        self._send(execution)

    def _concerns_now(self) -> Concerns:
        return replace(self._concerns, is_in_doubt=self._clock.monotonic() < self._doubt_ends_at)

    def send_due(self, execution: Callable[[], Execution]) -> None:
        """Send what is due, now and then."""
        if self._clock.monotonic() - self._sent_at >= SEND_SECONDS:
            self._send(execution())

    def tell_directly(self, error: CatalogError, execution: Execution) -> None:
        """Say that the catalog cannot be used, unless it can be again by the time that it is said."""
        self._unsaid = error
        self._post.ask(lambda: self._tell_directly(execution), about="the catalog")

    def _tell_directly(self, execution: Execution) -> Sequence[Delivery]:
        error = self._unsaid
        if error is None:
            return ()
        return tell_without_catalog(
            error,
            execution.desired,
            execution.alerts,
            notes=execution.notes,
            now=execution.clock.now(),
        )

    def close(self, execution: Execution) -> None:
        """Tell of failures that are still being gathered, send what is due, and wait a little."""
        self._send(execution)
        if self._failed_at is not None:
            self._tell_last(execution)
        self._post.wait(LAST_WORDS_SECONDS)
        self._say_deliveries()
        self._post.close()

    def _tell_last(self, execution: Execution) -> None:
        concerns = replace(self._concerns_now(), moment=Moment.END)
        # What breaks work off does not break off what is said of other work.
        unbroken = replace(execution, interruption=Interruption())
        self._post.ask(lambda: tell(unbroken, concerns=concerns), about="the last failures")

    def _send(self, execution: Execution) -> None:
        self._sent_at = self._clock.monotonic()
        self._say_deliveries()
        self._post.ask(lambda: deliver_outbox(execution, at_once=False))

    def _say_deliveries(self) -> None:
        for delivery in self._post.collect():
            self._events.delivered(delivery)
