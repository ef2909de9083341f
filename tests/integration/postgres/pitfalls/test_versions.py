"""Every server on this machine, alone and as the target of every older one.

Which there were is said in the head of the report; ``ORCHESTRATOR_TEST_SERVERS`` names more.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, suppress
from itertools import combinations_with_replacement

import psycopg
import pytest

from orchestrator.errors import SourceError, ValueTooLargeError
from orchestrator.model.contents import TableName
from orchestrator.ports.engine import SourceSnapshot
from tests.support.copying import copy_database, copy_with_pg_dump, differing, environment_for
from tests.support.postgres import Database, Server, running_server
from tests.support.random_database.drawing import ROLE_STATEMENTS, draw_database
from tests.support.servers import servers_at_hand
from tests.support.source_engine import open_snapshot, read_text

T = TableName("public", "t")
PAIRS = [*combinations_with_replacement(sorted(servers_at_hand()), 2)]
SEED = 15_17_18


@pytest.fixture(scope="module")
def servers() -> Iterator[dict[int, Server]]:
    with ExitStack() as stack:
        running = {
            version: stack.enter_context(running_server(programs))
            for version, programs in servers_at_hand().items()
        }
        for server in running.values():
            with server.connect() as connection:
                for statement in ROLE_STATEMENTS:
                    connection.execute(statement.encode())
        yield running


@pytest.mark.parametrize(("older", "newer"), PAIRS, ids=str)
def test_a_database_comes_back_equal_on_the_same_or_a_newer_version(
    servers: dict[int, Server], older: int, newer: int
) -> None:
    database = servers[older].create_database()
    with database.connect() as connection:
        for statement in draw_database(SEED, tables=6):
            # What goes against the rules of a version is not in the database.
            with suppress(psycopg.Error):
                connection.execute(statement.encode())
    copied, report = copy_database(database, f"from_{older}", onto=servers[newer])
    assert report.skipped == ()
    # Another version writes the same definitions in other words, whoever brings them there.
    same = older == newer
    expected = database if same else copy_with_pg_dump(database, servers[newer])
    found = differing(expected, copied)
    assert not found, "\n".join(found[:50])


def opened(database: Database) -> AbstractContextManager[SourceSnapshot]:
    environment = environment_for(database.server)
    return open_snapshot(database.url, database.name, environment=environment)


TOO_LARGE = f"SELECT {' || '.join(['b'] * 13)} FROM (SELECT 0::bit(83886080)) a(b)"


@pytest.mark.parametrize("version", sorted(servers_at_hand()))
def test_a_stream_that_fails_before_its_first_row_is_no_empty_table(
    servers: dict[int, Server], version: int
) -> None:
    # psql 15 says of it what it said of the statement before: no error, 0 rows.
    database = servers[version].create_database()
    database.execute(f"CREATE TABLE t (v varbit); INSERT INTO t {TOO_LARGE}")
    with (
        opened(database) as snapshot,
        pytest.raises(ValueTooLargeError, match=r"ctid \(0,1\)"),
    ):
        read_text(snapshot, T)


@pytest.mark.parametrize("version", sorted(servers_at_hand()))
def test_a_stream_that_fails_after_as_many_rows_as_the_one_before_is_no_success(
    servers: dict[int, Server], version: int
) -> None:
    database = servers[version].create_database()
    database.execute(
        f"CREATE TABLE s AS SELECT 1 AS i; CREATE TABLE t (v varbit); INSERT INTO t VALUES (B'1');"
        f"INSERT INTO t {TOO_LARGE}"
    )
    with opened(database) as snapshot:
        assert read_text(snapshot, TableName("public", "s")) == b"1\n"
        with pytest.raises(SourceError, match="ERROR"):
            read_text(snapshot, T)
