from pathlib import Path

import pytest

from orchestrator.destinations.local_directory import open_local_directory
from orchestrator.model.names import DestinationName
from orchestrator.ports.destination import Destination
from tests.contracts.destination_contract import DestinationContract


class TestLocalDirectory(DestinationContract):
    @pytest.fixture
    def destination(self, tmp_path: Path) -> Destination:
        return open_local_directory(DestinationName("local"), tmp_path / "backups")
