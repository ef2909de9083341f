"""The in-memory sender keeps the contract."""

from collections.abc import Sequence

import pytest

from orchestrator.alerts.memory import MemoryAlertSender
from orchestrator.model.names import ChannelName
from orchestrator.model.policy import Channel
from orchestrator.model.secret import Secret
from tests.contracts.alert_sender_contract import CANARY, AlertSenderContract


class MemoryHarness:
    working = Channel(name=ChannelName("up"), url=Secret(f"json://{CANARY}", "test"))
    failing = Channel(name=ChannelName("down"), url=Secret(f"json://{CANARY}", "test"))

    def __init__(self) -> None:
        self.sender = MemoryAlertSender(down={self.failing.name})

    def received(self) -> Sequence[str]:
        return [f"{sent.subject}\n{sent.body}" for sent in self.sender.sent]


class TestMemoryAlertSender(AlertSenderContract):
    @pytest.fixture
    def harness(self) -> MemoryHarness:
        return MemoryHarness()
