"""Fixtures for every test; a server is started only for a test that asks for one."""

import signal
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.support.postgres import TEMPLATE_PREFIX, Database, Server, running_server
from tests.support.practice import load_practice
from tests.support.servers import described_servers

# A busy machine is no failure: what takes long is measured in benchmarks, never asserted in a test.
settings.register_profile(
    "patient", settings.default, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("patient")


def pytest_report_header() -> str:
    """Say which servers the tests over versions find here."""
    return f"servers at hand: {described_servers()}"


@pytest.fixture(scope="session", autouse=True)
def _children_hear_interrupts() -> Iterator[None]:
    # A shell that starts the tests in the background has them ignored, and children inherit that.
    former = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, former)


@pytest.fixture(scope="session")
def session_server() -> Iterator[Server]:
    """One PostgreSQL 17 per test process; take ``postgres_server`` instead, which tidies up."""
    with running_server() as server:
        yield server


@pytest.fixture
def postgres_server(session_server: Server) -> Iterator[Server]:
    """The shared server; databases and roles that the test makes are dropped after it."""
    with session_server.tidy() as server:
        yield server


@pytest.fixture
def empty_database(postgres_server: Server) -> Database:
    """A new empty database."""
    return postgres_server.create_database()


@pytest.fixture(scope="session")
def practice_template(session_server: Server) -> str:
    """The name of a database that holds the practice data, about 20,000 rows."""
    template = session_server.create_database(f"{TEMPLATE_PREFIX}practice")
    load_practice(template.url, rows=20_000)
    return template.name


@pytest.fixture
def practice_database(postgres_server: Server, practice_template: str) -> Database:
    """A new copy of the practice database."""
    return postgres_server.create_database(template=practice_template)
