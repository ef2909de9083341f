"""Handing what waits in the outbox to its channels (design §9; faults F78, F80).

A message is claimed before it is sent and recorded as sent afterwards, so of two processes one
sends it, and it goes out twice only if its process dies between the transport's answer and the
commit. What a channel does not take waits, longer and longer, and is never dropped: only when its
channel is declared no more is it given up, and that is logged.
"""

import logging
from collections.abc import Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256

from orchestrator.errors import OrchestratorError
from orchestrator.execution.context import Execution
from orchestrator.model.alert import Alert, Cause, Delivery, DeliveryState
from orchestrator.model.incident import Message, MessageState
from orchestrator.model.names import ChannelName
from orchestrator.model.policy import Channel
from orchestrator.model.run import LogAction, LogOutcome
from orchestrator.ports.alerts import AlertSender

_log = logging.getLogger(__name__)

CLAIM = timedelta(seconds=60)
"""How long a message belongs to whoever sends it; a sender answers within seconds."""

FIRST_WAIT = timedelta(seconds=15)
LONGEST_WAIT = timedelta(minutes=4)
"""With its jitter less than five minutes: so late does an alert arrive after its channel is back."""

JITTER = 0.2
LONGEST_ROUND_SECONDS = 20.0
MOST_FAILURES = 2
"""So often is a channel tried in one round: a second message may pass where the first cannot."""

SUSPECT_ATTEMPTS = 10
"""A message that failed so often may be the trouble itself: the others go before it."""

GIVEN_UP_AFTER = timedelta(days=1)
"""Another process may know the channel of a message already, or still."""


def deliver_outbox(
    execution: Execution,
    *,
    at_once: bool,
    sparing: Collection[ChannelName] = (),
) -> tuple[Delivery, ...]:
    """Send what is due to every channel, side by side, and return what came of each attempt.

    ``at_once``: what waits for a later attempt is tried all the same. Channels in ``sparing`` are
    left alone. Never raises for a channel; a catalog that breaks in between ends the round, and
    what was not recorded as sent is sent by the next one.

    Raises:
        CatalogError: the outbox cannot be read.
    """
    rounds = [
        _Round(execution, messages, at_once=at_once)
        for channel, messages in _by_channel(execution.reader.undelivered()).items()
        if channel not in sparing
    ]
    if len(rounds) <= 1:
        return tuple(delivery for each in rounds for delivery in each.go())
    with ThreadPoolExecutor(len(rounds), thread_name_prefix="alerts") as pool:
        futures = [pool.submit(each.go) for each in rounds]
        return tuple(delivery for future in futures for delivery in future.result())


def send_safely(sender: AlertSender, alert: Alert, channel: Channel) -> Delivery:
    """Send an alert now, and return what came of it; whatever breaks is an answer."""
    try:
        return sender.send(alert, channel)
    except Exception as error:  # noqa: BLE001 - whatever breaks a channel, the work goes on
        _log.debug("channel_raised", extra={"channel": channel.name}, exc_info=error)
        answer = f"the channel broke with {type(error).__name__}"
        return Delivery(channel=channel.name, state=DeliveryState.FAILED, answer=answer)


def wait_after(message: Message) -> timedelta:
    """Return how long a message waits after an attempt that failed: 15 s, 30 s … about 4 min.

    The jitter follows from the message and its attempts, so that a test can repeat it.
    """
    doublings = min(message.attempts - 1, 10)
    doubled = FIRST_WAIT * (1 << doublings)
    digest = sha256(f"{message.id} {message.attempts}".encode()).digest()
    return min(doubled, LONGEST_WAIT) * (1 + JITTER * digest[0] / 255)


def _by_channel(messages: Iterable[Message]) -> dict[ChannelName, list[Message]]:
    grouped: dict[ChannelName, list[Message]] = {}
    for message in messages:
        grouped.setdefault(message.channel, []).append(message)
    return grouped


@dataclass(slots=True)
class _Round:
    """The messages of one channel, and what came of those that were tried."""

    execution: Execution
    messages: Sequence[Message]
    at_once: bool
    deliveries: list[Delivery] = field(default_factory=list)
    failures: int = 0

    def go(self) -> list[Delivery]:
        """Send what is due, in the order written, until it is plain that the channel is down."""
        try:
            self._go()
        except OrchestratorError as error:
            _log.warning("outbox_not_recorded", extra={"code": error.code, "what": error.what})
        return self.deliveries

    def _go(self) -> None:
        channel = self.execution.channel_named(self.messages[0].channel)
        if channel is None:
            self._give_up()
            return
        began = self.execution.clock.monotonic()
        held_back: set[Cause] = set()
        failed: Message | None = None
        for message in _in_order(self.messages):
            is_late = self.execution.clock.monotonic() - began > LONGEST_ROUND_SECONDS
            is_stopped = is_late or self.execution.interruption.is_requested
            if self.failures >= MOST_FAILURES or is_stopped:
                return
            # What an incident says arrives in its order.
            if message.about in held_back or not self._is_due(message):
                held_back.add(message.about)
                continue
            result = self._send(message, channel)
            if result is not None:
                failed = result
                held_back.add(message.about)
        if failed is not None and self.at_once and self.failures < MOST_FAILURES:
            self._send(failed, channel)

    def _is_due(self, message: Message) -> bool:
        now = self.execution.clock.now()
        if message.state is MessageState.SENDING:
            return self._is_abandoned(message, now)
        # What a clock that was ahead put off would otherwise wait until it is there again.
        wait = message.next_attempt_at - now
        return self.at_once or wait <= timedelta(0) or wait > 2 * LONGEST_WAIT

    def _is_abandoned(self, message: Message, now: datetime) -> bool:
        by, until = message.claimed_by, message.claimed_until
        if by is None or until is None:
            return True
        is_over = until <= now or until - now > 2 * CLAIM
        return is_over or self.execution.machine.is_gone(by)

    def _send(self, message: Message, channel: Channel) -> Message | None:
        """Claim, send and record one message; return it as it is now if it was not taken."""
        execution = self.execution
        me, until = execution.machine.whoami(), execution.clock.now() + CLAIM
        claimed = message.claimed(me, until)
        if not execution.writer.claim_message(claimed):
            return None
        delivery = send_safely(execution.alerts, claimed.alert, channel)
        self.deliveries.append(delivery)
        now = execution.clock.now()
        if delivery.state is DeliveryState.SENT:
            execution.writer.record_delivery(claimed.ended(MessageState.SENT, delivery.answer, now))
            return None
        self.failures += 1
        queued = claimed.put_off(delivery.answer, now + wait_after(claimed))
        execution.writer.record_delivery(queued)
        if queued.attempts == 1:
            self._log_failure(queued, delivery.answer)
        return queued

    def _give_up(self) -> None:
        answer = "the channel is not declared any more"
        now = self.execution.clock.now()
        for message in self.messages:
            if now - message.created_at < GIVEN_UP_AFTER:
                continue
            if self.execution.writer.record_delivery(
                message.ended(MessageState.GIVEN_UP, answer, now)
            ):
                self._log_failure(message, f"given up: {answer}")

    def _log_failure(self, message: Message, answer: str) -> None:
        detail = {"channel": str(message.channel), "answer": answer, "message": message.id}
        subject = message.alert.cause.subject
        self.execution.writer.append_log(
            self.execution.log_entry(LogAction.ALERT, subject, LogOutcome.FAILED, detail)
        )


def _in_order(messages: Sequence[Message]) -> Sequence[Message]:
    """Return messages as written, but all that incidents with a suspect one say behind the others."""
    suspect = {message.about for message in messages if message.attempts >= SUSPECT_ATTEMPTS}
    return sorted(messages, key=lambda one: (one.about in suspect, one.created_at, one.id))
