import pytest

from orchestrator.destinations.memory import MemoryDestination
from orchestrator.model.names import DestinationName
from orchestrator.ports.destination import Destination
from tests.contracts.destination_contract import DestinationContract, FullDestinationContract


class TestMemory(DestinationContract, FullDestinationContract):
    @pytest.fixture
    def destination(self) -> Destination:
        return MemoryDestination(DestinationName("memory"))

    @pytest.fixture
    def full_destination(self) -> Destination:
        return MemoryDestination(DestinationName("memory"), capacity=1000)
