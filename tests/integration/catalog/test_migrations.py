"""Migrated catalogs have the form that the program expects, whatever happened on the way."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, event, text

from orchestrator.catalog.open import open_catalog
from orchestrator.catalog.sql import migrating
from orchestrator.catalog.sql.connecting import connect_to
from orchestrator.catalog.sql.tables import METADATA
from orchestrator.catalog.sql.transactions import Transactions
from orchestrator.errors import CatalogError, CatalogVersionError
from tests.contracts.catalog_values import NOON, an_entry, at_once, subjects
from tests.support.builders import a_backup, a_pause, a_series


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/catalog.sqlite3"
    return str(request.getfixturevalue("empty_database").url)


def change(url: str, statement: str) -> None:
    """Run one statement behind the program's back."""
    transactions = Transactions(*connect_to(url))
    with transactions.writing() as connection:
        connection.execute(text(statement))
    transactions.close()


def test_a_migrated_catalog_has_the_tables_that_the_program_expects(url: str):
    with (
        closing(open_catalog(url)) as catalog,
        catalog._transactions.reading() as connection,
    ):
        context = MigrationContext.configure(
            connection, opts={"version_table": migrating.VERSION_TABLE, "compare_type": True}
        )
        assert compare_metadata(context, METADATA) == []


def test_the_newest_revision_is_the_last_script():
    scripts = ScriptDirectory(str(migrating._MIGRATIONS))
    assert scripts.get_heads() == [migrating.NEWEST_REVISION]


def test_a_catalog_of_a_newer_version_is_refused_and_left_alone(url: str):
    with closing(open_catalog(url)) as catalog:
        catalog.append_log(an_entry("kept"))
    change(url, f"UPDATE {migrating.VERSION_TABLE} SET version_num = '9999_later'")
    with pytest.raises(CatalogVersionError, match="9999_later") as caught:
        open_catalog(url)
    assert "newer" in caught.value.what
    version = f"UPDATE {migrating.VERSION_TABLE} SET version_num = '{migrating.NEWEST_REVISION}'"
    change(url, version)
    with closing(open_catalog(url)) as catalog:
        assert subjects(catalog) == ["kept"]


def test_threads_that_open_a_new_catalog_at_once_all_succeed(url: str):
    def use(name: str) -> None:
        with closing(open_catalog(url)) as catalog:
            catalog.append_log(an_entry(name))

    assert at_once(*(lambda n=n: use(n) for n in "abcd")) == [None] * 4
    with closing(open_catalog(url)) as catalog:
        assert sorted(subjects(catalog)) == list("abcd")


@pytest.mark.parametrize("statement", ["UPDATE log SET subject = 'x'", "DELETE FROM log"])
def test_the_log_refuses_changes_from_anybody(url: str, statement: str):
    with closing(open_catalog(url)) as catalog:
        catalog.append_log(an_entry("kept"))
        with pytest.raises(CatalogError, match="append-only"):
            change(url, statement)
        assert subjects(catalog) == ["kept"]


def failing_at(number: int) -> Callable[..., None]:
    """A listener that breaks the transaction before its n-th statement."""
    statements = iter(range(number))

    def listen(_connection: Connection, _cursor: object, statement: str, *_: object) -> None:
        changes = "CREATE" in statement or "INSERT" in statement
        if changes and next(statements, None) is None:
            raise RuntimeError("power is out")

    return listen


def test_a_migration_that_breaks_at_any_statement_leaves_nothing_behind(url: str):
    for number in range(100):
        engine, place = connect_to(url)
        event.listen(engine, "before_cursor_execute", failing_at(number))
        transactions = Transactions(engine, place)
        try:
            migrating.migrate(transactions)
        except RuntimeError:
            with transactions.reading() as connection:
                assert migrating._revision(connection) is None
        else:
            break
        finally:
            transactions.close()
    assert number > len(METADATA.tables)
    with closing(open_catalog(url)) as catalog:
        catalog.append_log(an_entry("whole"))
        assert subjects(catalog) == ["whole"]


def test_a_catalog_of_the_first_version_is_migrated_with_all_that_it_holds(
    url: str, monkeypatch: pytest.MonkeyPatch
):
    with monkeypatch.context() as older:
        older.setattr(migrating, "NEWEST_REVISION", "0001_first_catalog")
        with closing(open_catalog(url)) as catalog:
            catalog.append_log(an_entry("kept"))
    with closing(open_catalog(url)) as catalog:
        assert subjects(catalog) == ["kept"]
        assert catalog.pauses() == []
        catalog.record_pause(a_pause(NOON), an_entry("paused"))
        assert len(catalog.pauses()) == 1


def test_copies_of_an_older_catalog_are_found_by_their_series(
    url: str, monkeypatch: pytest.MonkeyPatch
):
    with monkeypatch.context() as older:
        older.setattr(migrating, "NEWEST_REVISION", "0005_pruning")
        open_catalog(url).close()
    backup = a_backup(NOON)
    change(
        url,
        'INSERT INTO backups (id, policy, database, path, run, snapshot_at, finished_at, "trigger",'
        " slots, sequence, fence, revision, manifest_digest, tables, rows, text_bytes,"
        f" stored_bytes, new_bytes) VALUES ('{backup.id}', 'practice', 'app', 'practice/app', 'r',"
        " '2026-11-22 12:00:00.123456', '2026-11-22 12:01:00.123456', 'manual',"
        " '[]', 1, 1, 'r', 'd', 1, 1, 1, 1, 1)",
    )
    change(
        url,
        "INSERT INTO copies (backup, destination, position, state)"
        f" VALUES ('{backup.id}', 'local', 0, 'complete')",
    )
    with closing(open_catalog(url)) as catalog:
        (seen,) = catalog.histories([a_series()])[a_series()].backups
    assert [copy.destination for copy in seen.copies] == ["local"]
