"""Rows that break a rule of their own table were stored all the same, and come back all the same."""

from pathlib import Path

import pytest

from tests.support.command_line import Workplace
from tests.support.postgres import Database

RESTORE = ("restore", "latest", "--prove", "--into-new", "restored")
ORPHAN = """
CREATE TABLE a (id int PRIMARY KEY); INSERT INTO a VALUES (1);
CREATE TABLE b (id int REFERENCES a (id)); INSERT INTO b VALUES (1);
CREATE TABLE c (id int REFERENCES a (id)); INSERT INTO c VALUES (1);
SET session_replication_role = replica; INSERT INTO b VALUES (99)
"""
NOT_ANY_MORE = """
CREATE FUNCTION allowed(int) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true';
CREATE TABLE a (id int CONSTRAINT fits CHECK (allowed(id)), day int CONSTRAINT now CHECK (day > 0));
INSERT INTO a VALUES (1, 1);
CREATE OR REPLACE FUNCTION allowed(int) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT $1 > 1'
"""
# As a check of the clock becomes wrong with time, and a unique index with another collation.
OUTLIVED = """
CREATE TABLE a (at timestamptz CONSTRAINT ahead CHECK (at > now())) PARTITION BY RANGE (at);
CREATE TABLE a_all PARTITION OF a DEFAULT; INSERT INTO a VALUES (clock_timestamp() + '1 second');
SELECT pg_sleep(1.1)
"""
TWICE = """
CREATE TABLE a (id int CONSTRAINT a_key UNIQUE); INSERT INTO a VALUES (1);
CREATE TABLE b (id int CONSTRAINT b_a REFERENCES a (id)); INSERT INTO b VALUES (1);
SET allow_system_table_mods = on;
UPDATE pg_index SET indisready = false, indisvalid = false WHERE indrelid = 'a'::regclass;
INSERT INTO a VALUES (1);
UPDATE pg_index SET indisready = true, indisvalid = true WHERE indrelid = 'a'::regclass
"""


@pytest.fixture
def place(tmp_path: Path, empty_database: Database) -> Workplace:
    return Workplace(tmp_path, empty_database.url)


def backed_up(place: Workplace, source: Database, statements: str) -> Database:
    """Back it up, and return the database that is to be restored."""
    source.execute(statements)
    place.run("backup", "practice")
    return source.server.database("restored")


def constraints(database: Database) -> list[tuple[object, ...]]:
    return database.execute(
        "SELECT conname, convalidated FROM pg_constraint"
        " WHERE conrelid::regclass::text IN ('a', 'b', 'c') AND contype <> 'n' ORDER BY 1"
    )


def test_rows_that_break_a_key_are_named_as_the_cause(
    place: Workplace, empty_database: Database
) -> None:
    backed_up(place, empty_database, ORPHAN)
    said = place.run(*RESTORE, expect=1).err
    assert "Key (id)=(99) is not present" in said
    assert "rows in the backup break it, as they did at the source" in said
    assert "--skip-failed-constraints" in said
    assert "search_path" not in said


def test_a_foreign_key_that_rows_break_comes_back_unchecked_and_is_listed(
    place: Workplace, empty_database: Database
) -> None:
    restored = backed_up(place, empty_database, ORPHAN)
    said = place.run(*RESTORE, "--skip-failed-constraints", expect=3).err
    words = "left out: FK CONSTRAINT public.b b_id_fkey: it stays NOT VALID: insert or update"
    assert words in said
    assert said.count("left out:") == 1
    assert constraints(restored) == [("a_pkey", True), ("b_id_fkey", False), ("c_id_fkey", True)]
    assert restored.execute("SELECT id FROM b ORDER BY 1") == [(1,), (99,)]


@pytest.mark.parametrize("statements", [NOT_ANY_MORE, OUTLIVED])
def test_a_check_that_rows_break_comes_back_unchecked_and_is_listed(
    place: Workplace, empty_database: Database, statements: str
) -> None:
    restored = backed_up(place, empty_database, statements)
    assert "--skip-failed-constraints" in place.run(*RESTORE, expect=1).err
    said = place.run(*RESTORE, "--skip-failed-constraints", expect=3).err
    assert "left out: CHECK CONSTRAINT public.a " in said
    assert "it stays NOT VALID: check constraint" in said
    (broken,) = [name for name, is_valid in constraints(restored) if not is_valid]
    assert broken in {"fits", "ahead"}


def test_a_unique_constraint_that_rows_break_is_left_out_with_what_needs_it(
    place: Workplace, empty_database: Database
) -> None:
    restored = backed_up(place, empty_database, TWICE)
    assert "--skip-failed-constraints" in place.run(*RESTORE, expect=1).err
    said = place.run(*RESTORE, "--skip-failed-constraints", expect=3).err
    assert "left out: CONSTRAINT public.a a_key: could not create unique index" in said
    assert "left out: FK CONSTRAINT public.b b_a: there is no unique constraint" in said
    assert constraints(restored) == []
    assert restored.execute("SELECT id FROM a") == [(1,), (1,)]


def test_a_unique_index_that_rows_break_is_a_matter_of_the_other_option(
    place: Workplace, empty_database: Database
) -> None:
    as_index = TWICE.replace("CONSTRAINT a_key UNIQUE", "").replace(
        "INSERT INTO a", "CREATE UNIQUE INDEX ON a (id); INSERT INTO a", 1
    )
    backed_up(place, empty_database, as_index)
    said = place.run(*RESTORE, "--skip-failed-constraints", expect=1).err
    assert "rows in the backup break it" in said
    assert "with --skip-failed-indexes" in said
    assert "search_path" not in said
    both = ("--skip-failed-indexes", "--skip-failed-constraints")
    said = place.run(*RESTORE, *both, expect=3).err
    assert "left out: INDEX public.a_id_idx: could not create unique index" in said


def test_it_says_where_leaving_constraints_out_does_nothing(place: Workplace) -> None:
    asked = place.run("restore", "latest", "--swap", "--skip-failed-constraints", expect=64)
    assert "--skip-failed-constraints does nothing with --swap" in asked.err
