"""Channels that are silent, slow or broken at times, and what each of them took."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from orchestrator.errors import OrchestratorError
from orchestrator.model.alert import Alert, Delivery, DeliveryState
from orchestrator.model.incident import Message, MessageState
from orchestrator.model.policy import Channel
from tests.simulation.world import World

REFUSES, BREAKS = "refuses", "breaks"


@dataclass(frozen=True)
class Heard:
    """What a channel took, from which process; ``message`` is None if it stands in no outbox."""

    at: datetime
    channel: str
    alert: Alert
    message: Message | None
    sender: Any
    """A Process."""


@dataclass
class Channels:
    """Hands alerts of one process to the channels of the world."""

    world: World
    process: Any

    def send(self, alert: Alert, channel: Channel) -> Delivery:
        """Take an alert, unless the channel is silent; the process may die before and after."""
        try:
            return self._send(alert, channel)
        except OrchestratorError:
            self.world.refused.append((str(channel.name), self.world.time))
            raise

    def _send(self, alert: Alert, channel: Channel) -> Delivery:
        world, name = self.world, str(channel.name)
        self.process.before("channel", "send")
        lag = world.sluggish.get(name, timedelta())
        world.advance(lag)
        self.process.spent_telling += lag
        if name in world.silent:
            world.refused.append((name, world.time))
            return self._refuse(channel)
        world.heard.append(
            Heard(world.time, name, alert, self._message_of(alert, name), self.process)
        )
        for listen in world.listeners:
            listen(world.heard[-1])
        self.process.before("channel", "answered")
        return Delivery(channel=channel.name, state=DeliveryState.SENT, answer="200")

    def _refuse(self, channel: Channel) -> Delivery:
        if self.world.silent[channel.name] == BREAKS:
            raise ConnectionResetError(channel.name)
        return Delivery(channel=channel.name, state=DeliveryState.FAILED, answer="503")

    def _message_of(self, alert: Alert, channel: str) -> Message | None:
        """Which message of the outbox it is."""
        written = self.world.catalog.messages(since=alert.at)
        equal = [one for one in written if (one.channel, one.alert) == (channel, alert)]
        # A clock that was set back writes the same words at the same time once more.
        return min(equal, key=lambda one: one.state is MessageState.SENT, default=None)
