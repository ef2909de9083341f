"""Who is told."""

from typing import Protocol

from orchestrator.model.alert import Alert, Delivery
from orchestrator.model.policy import Channel


class AlertSender(Protocol):
    """Delivers alerts to channels."""

    def send(self, alert: Alert, channel: Channel) -> Delivery:
        """Deliver one alert to one channel and return what its transport answered.

        Never raises for a channel that is down, slow or misconfigured: that is a Delivery in
        state FAILED, with the transport's words and no secret. Returns within seconds.
        """
        ...
