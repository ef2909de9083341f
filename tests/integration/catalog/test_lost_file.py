"""The file of an open SQLite catalog is deleted, moved or exchanged under whoever works with it."""

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from orchestrator.catalog.open import SqlCatalog, open_catalog
from orchestrator.errors import CatalogUnreachableError
from tests.contracts.catalog_values import an_entry, subjects


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "catalog.sqlite3"


@pytest.fixture
def catalog(path: Path) -> Iterator[SqlCatalog]:
    with closing(open_catalog(f"sqlite:///{path}")) as opened:
        opened.append_log(an_entry("first"))
        yield opened


def delete(path: Path) -> None:
    shutil.rmtree(path.parent)


def exchange(path: Path) -> None:
    """Put an empty catalog there."""
    delete(path)
    open_catalog(f"sqlite:///{path}").close()


def put_a_copy_there(path: Path) -> None:
    """Put the same entries there, in another file."""
    copy = path.with_name("copy")
    shutil.copy(path, copy)
    copy.replace(path)


@pytest.mark.parametrize("lose", [delete, exchange, put_a_copy_there])
def test_nothing_more_is_read_or_written_in_a_catalog_whose_file_is_gone(
    path: Path, catalog: SqlCatalog, lose: Callable[[Path], None]
):
    lose(path)
    left = sorted(path.parent.rglob("*"))
    for use in (catalog.log, lambda: catalog.append_log(an_entry("second"))):
        with pytest.raises(CatalogUnreachableError, match=str(path)) as caught:
            use()
        assert "start the command again" in caught.value.next_step
    assert sorted(path.parent.rglob("*")) == left, "no new file is made in its place"


def test_a_catalog_put_in_its_place_stays_as_it_is(path: Path, catalog: SqlCatalog):
    exchange(path)
    with pytest.raises(CatalogUnreachableError, match="another file"):
        catalog.append_log(an_entry("second"))
    with closing(open_catalog(f"sqlite:///{path}")) as other:
        assert subjects(other) == []


def lose_within(catalog: SqlCatalog, lose: Callable[[], None], *, meanwhile: str) -> None:
    with catalog._transactions.writing() as connection:
        connection.exec_driver_sql("DELETE FROM missed")
        lose()
        with pytest.raises(CatalogUnreachableError, match=meanwhile):
            catalog.log()


@pytest.mark.parametrize(
    ("lose", "why"), [(delete, "was deleted or moved"), (exchange, "another file")]
)
def test_what_is_written_while_the_file_goes_is_not_said_to_be_written(
    path: Path, catalog: SqlCatalog, lose: Callable[[Path], None], why: str
):
    """Meanwhile another transaction needs a new connection, which makes no new file either."""
    with pytest.raises(CatalogUnreachableError, match=why):
        lose_within(catalog, lambda: lose(path), meanwhile=why)
    assert path.exists() == (lose is exchange)


def test_a_file_that_is_moved_back_is_the_catalog_again(path: Path, catalog: SqlCatalog):
    away = path.parent.rename(path.parent.with_name("away"))
    with pytest.raises(CatalogUnreachableError, match="was deleted or moved"):
        catalog.append_log(an_entry("lost"))
    away.rename(path.parent)
    catalog.append_log(an_entry("second"))
    assert subjects(catalog) == ["first", "second"]


def test_a_path_of_odd_signs_is_taken_as_it_is(tmp_path: Path):
    path = tmp_path / "50 % of #1?mode=ro&x" / "catalog.sqlite3"
    with closing(open_catalog(f"sqlite:///{str(path).replace('?', '%3F')}")) as catalog:
        catalog.append_log(an_entry("first"))
    with closing(sqlite3.connect(path)) as file:
        assert file.execute("SELECT subject FROM log").fetchall() == [("first",)]
    assert list(tmp_path.iterdir()) == [path.parent]
