"""The sessions of a killed run are ended whatever became of the databases of its policy."""

import os
from dataclasses import replace

import psycopg
import pytest

from orchestrator.clock import SystemClock
from orchestrator.engines.postgres.backup.source import PostgresSource
from orchestrator.errors import DatabaseMissingError
from orchestrator.model.names import DatabaseName
from tests.support.postgres import Database, eventually
from tests.support.source_engine import RUN, a_source

ORPHAN = f"orchestrator:{RUN}"


def end_orphans(database: Database, *names: str) -> int:
    source = replace(
        a_source(database.url, database.name), databases=tuple(map(DatabaseName, names))
    )
    return PostgresSource(clock=SystemClock(), environment=dict(os.environ)).end_orphans(
        source, RUN
    )


def orphan(database: Database) -> psycopg.Connection[tuple[object, ...]]:
    url = psycopg.conninfo.make_conninfo(database.url, application_name=ORPHAN)
    return psycopg.connect(url)


def test_a_database_that_is_gone_stops_nothing(empty_database: Database):
    with orphan(empty_database):
        assert end_orphans(empty_database, "gone", empty_database.name) == 1
        eventually(lambda: ORPHAN not in empty_database.server.sessions())


def test_one_database_that_answers_is_enough_for_all(empty_database: Database):
    other = empty_database.server.create_database()
    with orphan(empty_database), orphan(other):
        assert end_orphans(empty_database, other.name, empty_database.name) == 2


def test_the_urls_own_database_will_do_where_all_are_gone(empty_database: Database):
    with orphan(empty_database):
        assert end_orphans(empty_database, "gone") == 1


def test_no_database_at_all_is_an_error(empty_database: Database):
    url = psycopg.conninfo.make_conninfo(empty_database.url, dbname="gone")
    source = a_source(url, "gone")
    engine = PostgresSource(clock=SystemClock(), environment=dict(os.environ))
    with pytest.raises(DatabaseMissingError):
        engine.end_orphans(source, RUN)
