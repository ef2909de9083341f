"""Rows go back only into types that mean the same as then (postgres.md §1, restoring rule 4)."""

from pathlib import Path

import pytest

from tests.support.command_line import Workplace
from tests.support.postgres import Database

TYPES = """
CREATE TYPE addr AS (street text, town text);
CREATE TYPE mood AS ENUM ('sad', 'glad');
CREATE DOMAIN code AS int CHECK (VALUE > 0);
CREATE TYPE span AS RANGE (subtype = int4);
CREATE TYPE outer_addr AS (inner_addr addr, moods mood[]);
CREATE DOMAIN feelings AS mood[];
CREATE TABLE people (id int PRIMARY KEY, home addr, homes outer_addr[], how mood, often feelings,
  code code, when_ span, whens span_multirange);
INSERT INTO people VALUES (1, ROW('Main Street', 'Leeds'), NULL, 'sad', '{glad}', 1, '[1,2)', NULL)
"""


@pytest.fixture
def place(tmp_path: Path, empty_database: Database) -> Workplace:
    empty_database.execute(TYPES)
    place = Workplace(tmp_path, empty_database.url)
    place.run("backup", "practice")
    return place


def replaced(place: Workplace, name: str, expect: int) -> str:
    command = ("restore", "latest", "--into-existing", name, "--table", "public.people")
    return place.run(*command, "--yes-replace", name, "--prove", expect=expect).err


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            """ALTER TYPE addr DROP ATTRIBUTE street CASCADE;
            ALTER TYPE addr ADD ATTRIBUTE street text CASCADE""",
            "is composite (town text, street text) now, and was composite (street text, town text)",
        ),
        (
            """ALTER TYPE mood RENAME VALUE 'sad' TO 'x';
            ALTER TYPE mood RENAME VALUE 'glad' TO 'sad'; ALTER TYPE mood RENAME VALUE 'x' TO 'glad'""",
            "type public.mood is enum (glad, sad) now, and was enum (sad, glad)",
        ),
        ("ALTER TYPE mood ADD VALUE 'so so' BEFORE 'glad'", "type public.mood is enum (sad, so so"),
        ("ALTER DOMAIN code SET NOT NULL", "type public.code is domain (integer, NOT NULL, CHECK"),
        ("""ALTER TABLE people DROP when_, DROP whens; DROP TYPE span;
         CREATE TYPE span AS RANGE (subtype = int8);
         ALTER TABLE people ADD when_ span, ADD whens span_multirange""",
         "type public.span is range (bigint"),
        ("ALTER TYPE addr RENAME TO other; ALTER TYPE outer_addr RENAME TO addr",
         "public.people.home is of type public.other now"),
    ],
)  # fmt: skip
def test_a_type_that_means_something_else_now_is_in_the_way(
    place: Workplace, empty_database: Database, change: str, words: str
):
    empty_database.execute(change)
    before = empty_database.execute("SELECT people::text FROM people")
    assert words in replaced(place, empty_database.name, 4)
    assert empty_database.execute("SELECT people::text FROM people") == before


def test_labels_appended_to_an_enum_are_told_and_harmless(
    place: Workplace, empty_database: Database
):
    before = empty_database.execute("SELECT people::text FROM people")
    empty_database.execute("ALTER TYPE mood ADD VALUE 'furious'; DELETE FROM people")
    assert "type public.mood has new labels: furious" in replaced(place, empty_database.name, 0)
    assert empty_database.execute("SELECT people::text FROM people") == before
