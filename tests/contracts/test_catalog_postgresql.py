"""The PostgreSQL catalog keeps the contract."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from orchestrator.catalog.open import SqlCatalog, open_catalog
from tests.contracts.catalog_contract import CatalogContract
from tests.support.postgres import TEMPLATE_PREFIX, Server


@pytest.fixture(scope="session")
def catalog_template(session_server: Server) -> str:
    """The name of a database with an empty catalog: to migrate a new one takes longer than a test."""
    template = session_server.create_database(f"{TEMPLATE_PREFIX}catalog")
    open_catalog(template.url).close()
    return template.name


@pytest.fixture
def catalog(postgres_server: Server, catalog_template: str) -> Iterator[SqlCatalog]:
    database = postgres_server.create_database(template=catalog_template)
    with closing(open_catalog(database.url)) as opened:
        yield opened


class TestPostgresqlCatalog(CatalogContract):
    pass
