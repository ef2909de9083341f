"""What a policy leaves out comes back without rows: said by every command that could be believed."""

from pathlib import Path

import pytest

from tests.support.command_line import POLICY, Workplace
from tests.support.postgres import Database

EXCLUDED = "table data public.sessions: excluded by the policy"
UNCOVERED = "table data public.forgotten: no pattern of the policy names the table"


@pytest.fixture
def source(empty_database: Database) -> Database:
    empty_database.execute(
        "CREATE TABLE users AS SELECT 1 AS id;"
        "CREATE TABLE sessions AS SELECT 1 AS id; CREATE TABLE forgotten AS SELECT 1 AS id"
    )
    return empty_database


def taken(root: Path, source: Database, *, on_uncovered: str) -> Workplace:
    tables = (
        "    tables: {include: [public.users], exclude: [public.sessions],"
        f" on_uncovered: {on_uncovered}}}\n    schedules:"
    )
    place = Workplace(root, source.url, policy=POLICY.replace("    schedules:", tables))
    place.run("backup", "practice")
    return place


@pytest.mark.parametrize("on_uncovered", ["alert", "ignore"])
def test_what_comes_back_without_rows_is_named_by_show_and_restore(
    tmp_path: Path, source: Database, on_uncovered: str
) -> None:
    place = taken(tmp_path, source, on_uncovered=on_uncovered)
    restore = ("restore", "latest", "--into-new", "restored")
    shown = place.run("show", "latest").out
    foreseen = place.run(*restore, "--dry-run")
    done = place.run(*restore)
    restored = source.server.database("restored")
    assert restored.execute("SELECT count(*) FROM sessions, forgotten") == [(0,)]
    for said in (shown, foreseen.out, done.err):
        assert EXCLUDED in said
        assert UNCOVERED in said


def test_what_comes_back_without_rows_is_in_every_document(
    tmp_path: Path, source: Database
) -> None:
    place = taken(tmp_path, source, on_uncovered="alert")
    contents = place.run("show", "latest", "--json").document["contents"]
    assert [(one["kind"], one["name"]) for one in contents["left_out"]] == [
        ("table data", "public.sessions")
    ]
    assert contents["uncovered"] == ["public.forgotten"]
    restore = ("restore", "latest", "--into-new", "restored", "--json")
    for document in (place.run(*restore, "--dry-run").document, place.run(*restore).document):
        names = [(one["kind"], one["name"]) for one in document["left_out"]]
        assert names == [("table data", "public.sessions"), ("table data", "public.forgotten")]


def test_a_restore_of_single_tables_names_only_what_it_was_asked_for(
    tmp_path: Path, source: Database
) -> None:
    place = taken(tmp_path, source, on_uncovered="alert")
    done = place.run("restore", "latest", "--into-new", "one", "--table", "public.users")
    assert "table data" not in done.err
