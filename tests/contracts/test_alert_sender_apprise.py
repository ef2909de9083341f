"""The sender that speaks through Apprise keeps the contract, over a real server on loopback."""

from collections.abc import Iterator, Sequence

import pytest

from orchestrator.alerts.apprise_sender import AppriseSender
from orchestrator.model.names import ChannelName
from orchestrator.model.policy import Channel
from orchestrator.model.secret import Secret
from tests.contracts.alert_sender_contract import CANARY, AlertSenderContract
from tests.integration.alerts.receivers import Webhook, a_webhook


class AppriseHarness:
    def __init__(self, working: Webhook, failing: Webhook) -> None:
        self.sender = AppriseSender()
        self.webhook = working
        self.working = a_channel(working, "up")
        self.failing = a_channel(failing, "down")

    def received(self) -> Sequence[str]:
        return [f"{sent['title']}\n{sent['message']}" for sent in self.webhook.messages]


def a_channel(webhook: Webhook, name: str) -> Channel:
    url = f"json://user:{CANARY}@{webhook.address}/hook/{CANARY}?+token={CANARY}"
    return Channel(name=ChannelName(name), url=Secret(url, "test"))


class TestAppriseSender(AlertSenderContract):
    @pytest.fixture
    def harness(self) -> Iterator[AppriseHarness]:
        with a_webhook() as working, a_webhook(status=500) as failing:
            yield AppriseHarness(working, failing)
