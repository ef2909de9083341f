"""The in-memory catalog keeps the contract."""

import pytest

from orchestrator.catalog.memory import MemoryCatalog
from tests.contracts.catalog_contract import CatalogContract


@pytest.fixture
def catalog() -> MemoryCatalog:
    return MemoryCatalog()


class TestMemoryCatalog(CatalogContract):
    pass
