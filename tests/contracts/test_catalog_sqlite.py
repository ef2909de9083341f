"""The SQLite catalog keeps the contract."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from orchestrator.catalog.open import SqlCatalog, open_catalog
from tests.contracts.catalog_contract import CatalogContract


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[SqlCatalog]:
    with closing(open_catalog(f"sqlite:///{tmp_path}/catalog.sqlite3")) as opened:
        yield opened


class TestSqliteCatalog(CatalogContract):
    pass
