"""What the catalog says when its database is missing, full, locked, damaged or hostile."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from orchestrator.catalog.open import SqlCatalog, open_catalog
from orchestrator.catalog.sql import connecting
from orchestrator.catalog.sql.connecting import connect_to
from orchestrator.catalog.sql.transactions import Transactions
from orchestrator.errors import (
    CatalogError,
    CatalogFullError,
    CatalogUnreachableError,
    UsageError,
)
from tests.contracts.catalog_values import HOUR, NOON, an_entry, subjects
from tests.support.builders import a_backup, a_series
from tests.support.postgres import Database, Role, Server


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "catalog.sqlite3"


@pytest.fixture
def catalog(path: Path) -> Iterator[SqlCatalog]:
    with closing(open_catalog(f"sqlite:///{path}")) as opened:
        yield opened


@pytest.fixture
def on_server(empty_database: Database) -> Iterator[SqlCatalog]:
    with closing(open_catalog(empty_database.url)) as opened:
        yield opened


# ------------------------------------------------------------------ SQLite
def test_a_new_catalog_is_for_its_owner_alone(path: Path, catalog: SqlCatalog):
    catalog.append_log(an_entry())
    assert oct(path.parent.stat().st_mode)[-3:] == "700"
    modes = {file.name: oct(file.stat().st_mode)[-3:] for file in path.parent.iterdir()}
    assert modes == {f"catalog.sqlite3{end}": "600" for end in ("", "-wal", "-shm")}


def test_every_connection_keeps_what_it_committed(catalog: SqlCatalog):
    with catalog._transactions.reading() as connection:
        values = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    full = 2
    assert values == {
        "journal_mode": "wal",
        "synchronous": full,
        "foreign_keys": 1,
        "busy_timeout": 10_000,
    }


def test_a_full_disk_is_named_and_what_was_written_stays(path: Path, catalog: SqlCatalog):
    catalog.append_log(an_entry("kept"))
    engine, place = connect_to(f"sqlite:///{path}")
    event.listen(engine, "connect", allow_no_growth)
    with (
        closing(SqlCatalog(Transactions(engine, place))) as full,
        pytest.raises(CatalogFullError, match="full") as caught,
    ):
        full.record_backup(a_backup(NOON), an_entry(text="x" * 100_000))
    assert "space" in caught.value.next_step
    assert subjects(catalog) == ["kept"]
    assert not catalog.backups()


def allow_no_growth(connection: sqlite3.Connection, _record: object) -> None:
    """SQLite gives the same error when it may not use more pages as when the disk is full."""
    connection.execute("PRAGMA max_page_count=1").close()


def test_a_catalog_that_stays_locked_is_reported(
    path: Path, catalog: SqlCatalog, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(connecting, "PATIENCE_SECONDS", 0.05)
    with closing(open_catalog(f"sqlite:///{path}")) as impatient:
        with catalog._transactions.writing():
            with pytest.raises(CatalogError, match="locked by another process"):
                impatient.append_log(an_entry())
            assert not impatient.log(), "reading needs no lock"
        impatient.append_log(an_entry("later"))
        assert subjects(catalog) == ["later"]


def test_a_file_that_is_no_catalog_is_left_as_it_is(path: Path):
    path.parent.mkdir()
    path.write_bytes(b"something else, much longer than a header would be" * 100)
    with pytest.raises(CatalogError, match="damaged, or is no catalog"):
        open_catalog(f"sqlite:///{path}")
    assert path.read_bytes().startswith(b"something else")


def test_a_folder_in_place_of_the_file_cannot_be_opened(path: Path):
    path.mkdir(parents=True)
    with pytest.raises(CatalogUnreachableError, match=r"catalog\.sqlite3 cannot be opened"):
        open_catalog(f"sqlite:///{path}")


def test_a_file_in_place_of_the_folder_cannot_be_opened(path: Path):
    path.parent.write_text("not a folder")
    with pytest.raises(CatalogUnreachableError) as caught:
        open_catalog(f"sqlite:///{path}")
    assert caught.value.next_step


# ------------------------------------------------------------------ URLs
@pytest.mark.parametrize(
    "url",
    [
        "mysql://user:s3cret@host/db",
        "postgresql://user:s3cret@host:port/db",
        "s3cret",
        "",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:///catalog.sqlite3?mode=s3cret",
        "postgresql+asyncpg://user:s3cret@host/db",
    ],
)
def test_an_unusable_url_is_refused_without_repeating_it(url: str):
    with pytest.raises(UsageError) as caught:
        open_catalog(url)
    assert "s3cret" not in f"{caught.value.what} {caught.value.next_step}"
    assert caught.value.__cause__ is None
    assert "postgresql://" in caught.value.next_step


# ------------------------------------------------------------------ PostgreSQL
def wrong_password(server: Server) -> str:
    return server.url("postgres", Role(server.create_role().name, "s3cret"))


def missing_database(server: Server) -> str:
    return server.url("nowhere")


def closed_port(_server: Server) -> str:
    return "postgresql://user:s3cret@127.0.0.1:1/db?password=s3cret"


@pytest.mark.parametrize("make_url", [wrong_password, missing_database, closed_port])
def test_a_server_that_cannot_be_used_is_unreachable_and_no_password_is_told(
    postgres_server: Server, make_url: Callable[[Server], str]
):
    with pytest.raises(CatalogUnreachableError, match="postgresql://") as caught:
        open_catalog(make_url(postgres_server))
    said: list[Any] = [caught.value, caught.value.next_step, caught.value.__cause__]
    assert "s3cret" not in " ".join(map(str, said))


def test_a_role_that_may_not_create_tables_is_told_so(postgres_server: Server):
    role = postgres_server.create_role()
    url = postgres_server.url(postgres_server.create_database().name, role)
    with pytest.raises(CatalogError, match="permission denied for schema public"):
        open_catalog(url)


def test_a_full_disk_of_the_server_is_named(empty_database: Database, on_server: SqlCatalog):
    empty_database.execute("""
        CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE 'could not extend file: No space left' USING ERRCODE = '53100'; END $$;
        CREATE TRIGGER fail BEFORE INSERT ON log FOR EACH ROW EXECUTE FUNCTION fail();
    """)
    with pytest.raises(CatalogFullError, match="No space left"):
        on_server.record_backup(a_backup(NOON), an_entry())
    assert not on_server.backups()


def test_a_connection_that_broke_between_two_calls_is_made_again(
    empty_database: Database, on_server: SqlCatalog
):
    on_server.append_log(an_entry("before"))
    empty_database.execute("""
        SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
        WHERE application_name = 'orchestrator catalog' AND datname = current_database()
    """)
    on_server.append_log(an_entry("after"))
    assert subjects(on_server) == ["before", "after"]


def test_a_connection_that_breaks_in_a_transaction_leaves_nothing(on_server: SqlCatalog):
    def write_and_break() -> None:
        with on_server._transactions.writing() as connection:
            connection.exec_driver_sql("INSERT INTO destinations VALUES ('local', 'uuid')")
            connection.exec_driver_sql("SELECT pg_terminate_backend(pg_backend_pid())")

    with pytest.raises(CatalogUnreachableError):
        write_and_break()
    on_server.record_backup(a_backup(NOON), an_entry())
    assert on_server.destination_marker("local") is None
    assert len(on_server.backups()) == 1


def test_a_session_frozen_in_a_transaction_is_ended_by_the_server(on_server: SqlCatalog):
    names = (
        "idle_in_transaction_session_timeout",
        "lock_timeout",
        "timezone",
        "synchronous_commit",
    )
    with on_server._transactions.writing() as connection:
        values = [connection.exec_driver_sql(f"SHOW {name}").scalar() for name in names]
    assert values == ["30s", "10s", "UTC", "on"]


def test_backups_of_a_series_are_found_through_an_index(catalog: SqlCatalog):
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        statements.append(statement)

    with catalog._transactions.reading() as connection:
        event.listen(connection.engine, "before_cursor_execute", note)
    for number in range(3):
        catalog.record_backup(a_backup(NOON + number * HOUR), an_entry(str(number)))
    statements.clear()
    catalog.backups(a_backup(NOON).series)
    queries = [statement for statement in statements if statement.startswith("SELECT")]
    with catalog._transactions.reading() as connection:
        plans = [
            connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}", ("practice", "app"))
            for query in queries
        ]
        backups, marks = (" ".join(row[3] for row in plan) for plan in plans)
    assert "USING INDEX backups_listed" in backups
    assert "USING INDEX marks_by_series" in marks
    assert "SCAN" not in backups + marks


def test_the_past_of_many_series_is_found_through_indexes(catalog: SqlCatalog):
    asked: list[tuple[str, object]] = []

    def note(*happened: object) -> None:
        _connection, _cursor, statement, values, *_ = happened
        asked.append((str(statement), values))

    backup = a_backup(NOON)
    catalog.record_backup(backup, an_entry())
    with catalog._transactions.reading() as connection:
        event.listen(connection.engine, "before_cursor_execute", note)
    catalog.histories([backup.series, a_series("payroll"), a_series("stock")])
    event.remove(connection.engine, "before_cursor_execute", note)
    with catalog._transactions.reading() as connection:
        steps = [
            row[3]
            for statement, values in asked
            if statement.startswith("SELECT")
            for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
        ]
    assert not {"SCAN backups", "SCAN copies", "SCAN runs"} & {
        " ".join(step.split()[:2]) for step in steps
    }
    assert any("COVERING INDEX copies_by_series" in step for step in steps)
    assert any("COVERING INDEX backups_listed" in step for step in steps)
