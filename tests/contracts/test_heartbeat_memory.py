"""The in-memory heartbeat keeps the contract."""

from collections.abc import Callable

import pytest

from orchestrator.heartbeat.memory import MemoryHeartbeat
from orchestrator.model.secret import Secret
from tests.contracts.heartbeat_contract import HeartbeatContract, Received


class TestMemoryHeartbeat(HeartbeatContract):
    @pytest.fixture
    def sender(self) -> MemoryHeartbeat:
        return MemoryHeartbeat()

    @pytest.fixture
    def url(self) -> Secret:
        return Secret("https://beat.example/1", "${env:BEAT}")

    @pytest.fixture
    def received(self, sender: MemoryHeartbeat) -> Received:
        return lambda: [(is_well, words) for _, is_well, words in sender.received]

    @pytest.fixture
    def break_service(self, sender: MemoryHeartbeat) -> Callable[[], None]:
        return lambda: setattr(sender, "dead", True)
