"""Alerts that stay in memory: for tests, and for whoever wants to see what would be sent."""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import final

from typing_extensions import override

from orchestrator.alerts.draft import write_subject
from orchestrator.alerts.text import BODY_LIMIT, Form, write_body
from orchestrator.model.alert import Alert, Delivery, DeliveryState
from orchestrator.model.names import ChannelName
from orchestrator.model.policy import Channel
from orchestrator.ports.alerts import AlertSender


@dataclass(frozen=True, slots=True, kw_only=True)
class SentAlert:
    """An alert that a channel took, and the words that its reader sees: ``body`` is plain text."""

    channel: ChannelName
    alert: Alert
    subject: str
    body: str


@final
class MemoryAlertSender(AlertSender):
    """Keeps every alert in ``sent``; channels named in ``down`` take none."""

    def __init__(self, down: AbstractSet[ChannelName] = frozenset()) -> None:
        """Given the channels that fail, build a sender that has sent nothing."""
        self.sent: list[SentAlert] = []
        self._down = down

    @override
    def send(self, alert: Alert, channel: Channel) -> Delivery:
        if channel.name in self._down:
            return Delivery(channel=channel.name, state=DeliveryState.FAILED, answer="it is down")
        self.sent.append(
            SentAlert(
                channel=channel.name,
                alert=alert,
                subject=write_subject(alert),
                body=write_body(alert, Form.PLAIN, limit=BODY_LIMIT),
            )
        )
        return Delivery(channel=channel.name, state=DeliveryState.SENT, answer="kept in memory")
