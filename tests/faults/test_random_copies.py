"""Random databases come back equal (done-when 2 and 3 of the PostgreSQL engine)."""

import os
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from tests.faults.places import note
from tests.support.copying import copy_database, differing
from tests.support.postgres import Database, Server
from tests.support.random_database.drawing import ROLE_STATEMENTS, draw_database

ROUNDS = int(os.environ.get("ORCHESTRATOR_RANDOM_COPIES", "20"))
SEED = int(os.environ.get("ORCHESTRATOR_FAULT_SEED", "20261123"))
MANY = 40  # tables of a database that has several hundred objects

KINDS = """
SELECT 'class ' || relkind::text FROM pg_class WHERE oid >= 16384 UNION
SELECT 'type ' || typtype::text FROM pg_type WHERE oid >= 16384 UNION
SELECT 'function ' || prokind::text FROM pg_proc WHERE oid >= 16384 UNION
SELECT 'constraint ' || contype::text FROM pg_constraint WHERE oid >= 16384
"""
EVERY_KIND = {
    *(f"class {kind}" for kind in "rpivmcfSIt"),
    *(f"type {kind}" for kind in "bcdermp"),
    *(f"function {kind}" for kind in "fpaw"),
    *(f"constraint {kind}" for kind in "cfputx"),
}


@pytest.fixture
def server(postgres_server: Server) -> Server:
    with postgres_server.connect() as connection:
        for statement in ROLE_STATEMENTS:
            connection.execute(statement.encode())
    return postgres_server


def make(server: Server, seed: int, tables: int | None = None) -> Database:
    """Make the database of a seed; a few statements in a hundred go against the server's rules."""
    statements, refused = draw_database(seed, tables=tables), []
    database = server.create_database(f"drawn_{seed}")
    with database.connect() as connection:
        for statement in statements:
            try:
                connection.execute(statement.encode())
            except psycopg.Error as error:
                refused.append(f"{statement}: {error}")
    assert len(refused) <= 2 + len(statements) // 20, refused
    return database


def faults_of(server: Server, seed: int) -> list[str]:
    """Make, copy and compare one database; return what differs or was left out."""
    database = make(server, seed)
    copied, report = copy_database(database, f"copied_{seed}")
    found = [f"seed {seed}: {line}" for line in differing(database, copied)]
    with server.connect() as connection:
        connection.execute(f"DROP DATABASE {database.name} WITH (FORCE)".encode())
        connection.execute(f"DROP DATABASE {copied.name} WITH (FORCE)".encode())
    return found + [f"seed {seed}: {entry}" for entry in report.skipped]


def test_random_databases_come_back_equal(server: Server) -> None:
    with ThreadPoolExecutor(2) as pool:
        results = pool.map(lambda number: faults_of(server, SEED + number), range(ROUNDS))
        faults = [line for lines in results for line in lines]
    note(f"{ROUNDS} databases, seeds from {SEED}")
    assert not faults, "\n".join(faults[:100])


def test_hundreds_of_objects_of_every_kind_come_back_equal(server: Server) -> None:
    kinds: set[str] = set()
    for seed in range(SEED, SEED + max(1, ROUNDS // 20)):
        database = make(server, seed, tables=MANY)
        copied, report = copy_database(database, f"copied_{seed}")
        assert differing(database, copied) == []
        assert report.skipped == ()
        kinds |= {kind for (kind,) in database.execute(KINDS)}
    assert kinds >= EVERY_KIND
