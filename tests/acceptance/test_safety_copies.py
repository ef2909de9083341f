"""A backup that was taken before a replacement holds what nobody wanted: it is named, never chosen."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.command_line import Workplace
from tests.support.postgres import Database

SCHEMA = """
CREATE TABLE a (id int); CREATE TABLE b (id int);
INSERT INTO a SELECT generate_series(1, 100); INSERT INTO b SELECT generate_series(1, 100)
"""
WORDS = "safety copy before a restore"


@pytest.fixture
def place(tmp_path: Path, empty_database: Database) -> Workplace:
    empty_database.execute(SCHEMA)
    place = Workplace(tmp_path, empty_database.url)
    place.run("backup", "practice")
    empty_database.execute("DELETE FROM a WHERE id > 90; DELETE FROM b WHERE id > 90")
    return place


def bring_back(place: Workplace, database: Database, table: str, *more: str) -> str:
    name = database.name
    words = ("--into-existing", name, "--table", f"public.{table}", "--yes-replace", name, *more)
    return place.run("restore", "latest", *words).err


def counts(database: Database) -> list[Any]:
    return database.execute("SELECT (SELECT count(*) FROM a), (SELECT count(*) FROM b)")


def of_trigger(place: Workplace, trigger: str) -> list[str]:
    return sorted(one["id"] for one in place.listed() if one["trigger"] == trigger)


def test_two_tables_come_back_one_after_the_other(place: Workplace, empty_database: Database):
    bring_back(place, empty_database, "a")
    (good,), (saved,) = of_trigger(place, "manual"), of_trigger(place, "before_restore")
    said = bring_back(place, empty_database, "b")
    assert counts(empty_database) == [(100, 100)]
    assert f"latest: backup {good}" in said
    assert f"passed over: {saved}" in said
    assert len(of_trigger(place, "before_restore")) == 2


def test_a_time_passes_over_them_too_and_an_id_does_not(place: Workplace, empty_database: Database):
    bring_back(place, empty_database, "a")
    (good,), (saved,) = of_trigger(place, "manual"), of_trigger(place, "before_restore")
    by_time = place.run("show", "2999-01-01T00:00", "--policy", "practice", "--json").document
    assert by_time["id"] == good
    by_id = place.run("restore", saved, "--into-new", "before_it", "--dry-run").err
    assert f"{saved} is a {WORDS}" in by_id


def test_list_and_show_say_what_they_are(place: Workplace, empty_database: Database):
    bring_back(place, empty_database, "a")
    (saved,) = of_trigger(place, "before_restore")
    assert place.run("list").out.count(WORDS) == 1
    assert WORDS in place.run("show", saved).out


def test_a_rebuilt_catalog_knows_them(place: Workplace, empty_database: Database):
    bring_back(place, empty_database, "a")
    known = of_trigger(place, "before_restore")
    for file in (place.root / ".orchestrator").glob("catalog*"):
        file.unlink()
    place.run("catalog", "rebuild", "--from", "local")
    assert of_trigger(place, "before_restore") == known
