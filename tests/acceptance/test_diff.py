"""What was lost since last night, told by ``orchestrator diff`` (docs/comparing.md)."""

from pathlib import Path

import pytest

from tests.support.command_line import Workplace
from tests.support.postgres import Database

SCHEMA = """
CREATE TABLE users(id int PRIMARY KEY, email text, phone text);
INSERT INTO users SELECT n, 'user' || n, NULL FROM generate_series(1, 1000) n;
CREATE TABLE notes(body text); INSERT INTO notes SELECT 'same' FROM generate_series(1, 50);
CREATE TABLE still(id int PRIMARY KEY); INSERT INTO still VALUES (1);
CREATE TABLE old(id int); INSERT INTO old VALUES (1), (2);
CREATE INDEX by_email ON users(email);
CREATE SEQUENCE numbers; SELECT lo_from_bytea(7, 'a'), lo_from_bytea(8, 'b'), lo_from_bytea(9, 'c');
"""
CHANGES = """
DELETE FROM users WHERE id <= 3;
UPDATE users SET email = E'tab\\t' || id WHERE id BETWEEN 11 AND 15;
INSERT INTO users VALUES (2001, 'new', NULL);
INSERT INTO notes VALUES ('same'), ('other'); DROP TABLE old;
CREATE TABLE fresh(id int); INSERT INTO fresh VALUES (1), (2), (3);
DROP INDEX by_email; CREATE UNIQUE INDEX once ON users(email);
SELECT nextval('numbers'); SELECT lo_unlink(7), lo_put(8, 0, 'x'), lo_from_bytea(10, 'd');
"""


@pytest.fixture
def changed(tmp_path: Path, empty_database: Database) -> Workplace:
    empty_database.execute(SCHEMA)
    place = Workplace(tmp_path, empty_database.url)
    place.run("apply")
    empty_database.execute(CHANGES)
    return place


def numbers(table: dict[str, object]) -> list[object]:
    return [table[name] for name in ("before", "after", "added", "removed", "changed")]


def assert_told(document: dict[str, list[dict[str, object]]]) -> None:
    tables = {table["name"]: table for table in document["tables"]}
    assert numbers(tables["users"]) == [1000, 998, 1, 3, 5]
    assert numbers(tables["notes"]) == [50, 52, 2, 0, None]
    assert numbers(tables["still"]) == [1, 1, 0, 0, 0]
    assert numbers(tables["old"]) == [2, None, 0, 2, None]
    assert numbers(tables["fresh"]) == [None, 3, 3, 0, None]
    words = [change["words"] for change in document["schema"]]
    assert "table public.old removed" in words
    assert "table public.fresh added" in words
    assert "index public.by_email removed" in words
    assert "index public.once added" in words
    (sequence,) = document["sequences"]
    assert (sequence["name"], sequence["after"]) == (
        "numbers",
        {"last_value": "1", "is_called": True},
    )


def test_the_living_database_is_compared_with_last_nights_backup(changed: Workplace):
    document = changed.run("diff", "latest", "--json").document
    assert (document["version"], document["equal"]) == (1, False)
    assert_told(document)
    objects = {"before": 3, "after": 3, "added": 1, "removed": 1, "changed": 1}
    assert document["large_objects"] == objects


def test_two_backups_are_compared_without_the_database(changed: Workplace):
    first = changed.run("list", "--json").document["backups"][0]["id"]
    second = changed.run("backup", "practice", "--json", expect=3).document
    del second
    ids = {backup["id"] for backup in changed.listed()} - {first}
    gone = Workplace(changed.root, "postgresql://nobody@127.0.0.1:1/nothing")
    document = gone.run("diff", first, ids.pop(), "--json").document
    assert_told(document)
    same = gone.run("diff", first, first)
    assert "5 tables" not in same.out
    assert "4 tables have the same rows" in same.out
    assert "the schema is the same" in same.out


def test_rows_are_named_by_their_keys_up_to_a_limit(changed: Workplace):
    said = changed.run("diff", "latest", "live", "--rows", "--limit", "4").out
    assert "public.users: removed id = 3" in said
    assert "public.users: added id = 2001" in said
    assert said.count("public.users: changed id = 1") == 4
    assert "public.users: and 1 other row" in said
    assert "public.users  1,000   998    1      3        5" in said


def test_a_column_that_came_or_went_is_left_out_of_the_comparison(
    tmp_path: Path, empty_database: Database
):
    empty_database.execute(SCHEMA)
    place = Workplace(tmp_path, empty_database.url)
    place.run("apply")
    empty_database.execute(
        "ALTER TABLE users DROP phone, ADD fax text DEFAULT 'none', ALTER email SET NOT NULL;"
        "UPDATE users SET email = 'other' WHERE id = 7"
    )
    said = place.run("diff", "latest").out
    assert "public.users  1,000   1,000  0      0        1" in said
    assert "compared by the 2 columns that both have, without fax, phone" in said
    for words in (
        "column phone removed (text)",
        "column fax added (text DEFAULT 'none'::text)",
        "column email changed from text to text NOT NULL",
    ):
        assert words in said


def test_a_partition_whose_key_column_was_renamed_is_not_called_the_same(
    tmp_path: Path, empty_database: Database
):
    empty_database.execute(
        "CREATE TABLE p (id int PRIMARY KEY) PARTITION BY RANGE (id); CREATE TABLE same (id int);"
        "CREATE TABLE part PARTITION OF p FOR VALUES FROM (0) TO (10); INSERT INTO p VALUES (1)"
    )
    place = Workplace(tmp_path, empty_database.url)
    place.run("apply")
    empty_database.execute("ALTER TABLE p RENAME id TO number")
    assert "1 table has the same rows" in place.run("diff", "latest").out
    tables = place.run("diff", "latest", "--json").document["tables"]
    assert {one["name"]: one["differs"] for one in tables} == {"part": True, "same": False}


def test_a_table_that_the_policy_names_and_that_is_gone_is_a_difference(
    tmp_path: Path, empty_database: Database
):
    empty_database.execute(SCHEMA)
    policy = Workplace(tmp_path, empty_database.url).policy.replace(
        "    schedules:", '    tables: {include: ["public.users", "public.o*"]}\n    schedules:'
    )
    place = Workplace(tmp_path, empty_database.url, policy=policy)
    place.run("apply", expect=None)
    empty_database.execute("DROP TABLE old; CREATE TABLE ours(id int); CREATE TABLE theirs(id int)")
    tables = place.run("diff", "latest", "--json").document["tables"]
    assert [(table["name"], table["differs"]) for table in tables] == [
        ("old", True),
        ("ours", True),
        ("users", False),
    ]


def test_a_comparison_leaves_no_session_and_nothing_behind(
    changed: Workplace, empty_database: Database
):
    before = changed.stored_files()
    changed.run("diff", "latest", "--rows")
    assert changed.stored_files() == before
    assert not [name for name in empty_database.server.sessions() if "orchestrator" in name]
