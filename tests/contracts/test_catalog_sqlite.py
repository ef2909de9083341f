"""The SQLite catalog keeps the contract."""

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from orchestrator.catalog.open import SqlCatalog, open_catalog
from tests.contracts.catalog_contract import CatalogContract


@pytest.fixture(scope="session")
def catalog_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of an empty catalog: to migrate a new one takes longer than a test."""
    file = tmp_path_factory.mktemp("catalog") / "catalog.sqlite3"
    open_catalog(f"sqlite:///{file}").close()
    return file


@pytest.fixture
def catalog(tmp_path: Path, catalog_template: Path) -> Iterator[SqlCatalog]:
    shutil.copy(catalog_template, tmp_path)
    with closing(open_catalog(f"sqlite:///{tmp_path}/catalog.sqlite3")) as opened:
        yield opened


class TestSqliteCatalog(CatalogContract):
    pass
