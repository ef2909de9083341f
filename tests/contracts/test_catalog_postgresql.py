"""The PostgreSQL catalog keeps the contract."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from orchestrator.catalog.open import SqlCatalog, open_catalog
from tests.contracts.catalog_contract import CatalogContract
from tests.support.postgres import Database


@pytest.fixture
def catalog(empty_database: Database) -> Iterator[SqlCatalog]:
    with closing(open_catalog(empty_database.url)) as opened:
        yield opened


class TestPostgresqlCatalog(CatalogContract):
    pass
