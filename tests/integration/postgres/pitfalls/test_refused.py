"""What cannot be backed up is refused before anything is locked, in words that say what to do."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from orchestrator.engines.postgres.cluster import _free_port
from orchestrator.errors import (
    LockCapacityError,
    OrchestratorError,
    PoolerError,
    UnsupportedServerError,
    ValueTooLargeError,
)
from orchestrator.model.contents import BlockRange, TableName
from tests.support.copying import copy_database
from tests.support.pooling_proxy import PoolingProxy, pooling_proxy
from tests.support.postgres import Database, Server, eventually, running_server
from tests.support.source_engine import open_snapshot, read_text

T = TableName("public", "t")


def refusal_of(database: Database, url: str | None = None) -> OrchestratorError:
    with (
        pytest.raises(OrchestratorError) as caught,
        open_snapshot(url or database.url, database.name),
    ):
        pass
    return caught.value


@pytest.mark.parametrize("extension", ["timescaledb", "citus"])
def test_extensions_that_scatter_rows_are_refused_by_name(
    empty_database: Database, extension: str
) -> None:
    # The extensions themselves are not at hand: what the server lists is what is asked for.
    empty_database.execute(
        "CREATE EXTENSION citext;"
        f"UPDATE pg_extension SET extname = '{extension}' WHERE extname = 'citext'"
    )
    error = refusal_of(empty_database)
    assert isinstance(error, UnsupportedServerError)
    assert extension in error.what


def test_names_that_are_not_utf8_are_refused_and_rows_are_not(postgres_server: Server) -> None:
    options = "ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'"
    database = postgres_server.create_database(options=options)
    with psycopg.connect(database.url, autocommit=True, client_encoding="latin1") as connection:
        connection.execute("SET client_encoding = 'SQL_ASCII'")
        connection.execute("CREATE TABLE \"Größe\" AS SELECT 'ä'::text AS x".encode("latin1"))
    error = refusal_of(database)
    assert isinstance(error, UnsupportedServerError)
    assert r"relation 'Gr\\xf6\\xdfe'" in error.what
    assert "RENAME" in error.next_step


def test_definitions_of_an_sql_ascii_database_keep_their_bytes(postgres_server: Server) -> None:
    options = "ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'"
    database = postgres_server.create_database(options=options)
    with psycopg.connect(database.url, autocommit=True, client_encoding="latin1") as connection:
        connection.execute("SET client_encoding = 'SQL_ASCII'")
        connection.execute(
            "CREATE TABLE t AS SELECT 'ä'::text AS x; COMMENT ON TABLE t IS 'ö';"
            "CREATE FUNCTION f() RETURNS text LANGUAGE sql AS 'SELECT ''ü''::text'".encode("latin1")
        )
    copied, report = copy_database(database, "copied")
    assert report.skipped == ()
    query = (
        "SELECT convert_to(x, 'SQL_ASCII'), convert_to(f(), 'SQL_ASCII'),"
        " convert_to(obj_description('t'::regclass), 'SQL_ASCII') FROM t"
    )
    assert copied.execute(query) == [tuple(word.encode("latin1") for word in "äüö")]


def test_more_tables_than_the_server_can_lock_are_refused_with_the_setting() -> None:
    with running_server(max_locks_per_transaction="10", max_connections="20") as server:
        database = server.create_database()
        for first in (0, 100):
            numbers = range(first, first + 100)
            database.execute(";".join(f"CREATE TABLE t{number} ()" for number in numbers))
        error = refusal_of(database)
        assert isinstance(error, LockCapacityError)
        database.execute(error.next_step.removeprefix("as a superuser: ").partition(";")[0])
        server.cluster.restart()
        with open_snapshot(database.url, database.name) as snapshot:
            assert len(snapshot.contents.tables) == 200


def test_a_value_too_large_for_copy_is_named_with_its_place_and_key(
    empty_database: Database,
) -> None:
    empty_database.execute(
        'CREATE TABLE t (id int, "part of key" text, v varbit, PRIMARY KEY (id, "part of key"));'
        "INSERT INTO t VALUES (1, 'a', B'01');"
        f"INSERT INTO t SELECT 7, 'b', {' || '.join(['b'] * 13)} FROM (SELECT 0::bit(83886080)) a(b)"
    )
    # 130 MB there are 1,040 MiB of text; a bytea of 512 MiB takes longer to make.
    with (
        open_snapshot(empty_database.url, empty_database.name) as snapshot,
        pytest.raises(ValueTooLargeError, match=r"ctid \(0,2\) \(id = 7, part of key = b\)"),
    ):
        read_text(snapshot, T)


def test_the_words_of_an_error_of_the_server_are_kept_whole(empty_database: Database) -> None:
    empty_database.execute("CREATE TABLE t (id int)")
    with open_snapshot(empty_database.url, empty_database.name) as snapshot:
        table = replace(snapshot.contents.tables[0], name=TableName("public", "gone"))
        with pytest.raises(OrchestratorError, match=r"ERROR: .* does not exist"):
            snapshot.readers[0].read_table(table, BlockRange(0, None), print)


@contextmanager
def pooled(database: Database, folder: Path, *, mode: str) -> Iterator[str]:
    """Run a pgbouncer before a server, or our own pooler where none is; give the URL through it."""
    program = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        with pooling_proxy(database.url, by_transaction=mode == "transaction", sessions=8) as own:
            yield through(own, database)
        return
    with pgbouncer(program, database, folder, mode=mode) as url:
        yield url


@contextmanager
def pgbouncer(program: str, database: Database, folder: Path, *, mode: str) -> Iterator[str]:
    server, port = database.server, _free_port()
    users, file = folder / "users", folder / f"{mode}.ini"
    users.write_text(f'"postgres" "{server.cluster.password}"\n')
    file.write_text(
        f"[databases]\n* = host=127.0.0.1 port={server.cluster.port}\n[pgbouncer]\n"
        f"listen_addr = 127.0.0.1\nlisten_port = {port}\nauth_type = plain\nauth_file = {users}\n"
        f"pool_mode = {mode}\nunix_socket_dir =\nignore_startup_parameters = options\n"
    )
    for path in (folder, users, file):
        path.chmod(0o755)
    user = ["-u", "nobody"] if os.geteuid() == 0 else []
    process = subprocess.Popen([program, "-q", *user, str(file)])
    url = f"postgresql://postgres:{server.cluster.password}@127.0.0.1:{port}/{database.name}"
    try:
        eventually(lambda: answers(url))
        yield url
    finally:
        process.terminate()
        process.wait()


def answers(url: str) -> bool:
    with suppress(psycopg.OperationalError), psycopg.connect(url):
        return True
    return False


def through(pooler: PoolingProxy, database: Database) -> str:
    return f"postgresql://postgres@127.0.0.1:{pooler.port}/{database.name}"


def backend(connection: psycopg.Connection[tuple[object, ...]]) -> object:
    return (connection.execute("SELECT pg_backend_pid()").fetchone() or ())[0]


def test_a_pooler_in_transaction_mode_is_refused_and_nothing_is_set_through_it(
    empty_database: Database,
) -> None:
    with pooling_proxy(empty_database.url, by_transaction=True) as pooler:
        url = through(pooler, empty_database)
        with psycopg.connect(url, autocommit=True) as first, first.transaction():
            # It is a pooler: whoever keeps no transaction open shares a session with others.
            with psycopg.connect(url, autocommit=True) as other:
                assert backend(first) != backend(other)
            with psycopg.connect(url, autocommit=True) as another:
                assert backend(another) != another.info.backend_pid
        assert isinstance(refusal_of(empty_database, url), PoolerError)
        with psycopg.connect(url, autocommit=True) as application:
            assert application.execute("SHOW search_path").fetchone() == ('"$user", public',)


def test_a_pooler_without_a_second_session_is_refused_in_time(empty_database: Database) -> None:
    with (
        pooling_proxy(empty_database.url, by_transaction=True, sessions=1) as pooler,
        pytest.raises(PoolerError),
        open_snapshot(
            through(pooler, empty_database),
            empty_database.name,
            stall_timeout=timedelta(seconds=1),
        ),
    ):
        pass


def test_a_pooler_in_session_mode_is_told_apart_from_one_in_transaction_mode(
    empty_database: Database, tmp_path_factory: pytest.TempPathFactory
) -> None:
    empty_database.execute("CREATE TABLE t AS SELECT 1 AS id")
    folder = tmp_path_factory.mktemp("pooler")
    with pooled(empty_database, folder, mode="transaction") as url:
        assert isinstance(refusal_of(empty_database, url), PoolerError)
    with (
        pooled(empty_database, folder, mode="session") as url,
        open_snapshot(url, empty_database.name) as snapshot,
    ):
        assert read_text(snapshot, T) == b"1\n"
