"""What the practice database promises: it is what the tests and the demo stand on."""

import pytest

from tests.support.postgres import Database, Server
from tests.support.practice import load_practice
from tests.support.reader import assert_equal_databases, differences, read_database


def test_two_loads_are_equal(postgres_server: Server):
    first, second = postgres_server.create_database(), postgres_server.create_database()
    load_practice(first.url, rows=3_000)
    load_practice(second.url, rows=3_000)
    assert_equal_databases(first.url, second.url)


def test_it_has_about_as_many_rows_as_asked_for(practice_database: Database):
    counts = read_database(practice_database.url).row_counts
    assert 18_000 <= sum(counts.values()) <= 22_000
    assert len(counts) >= 20
    assert all(counts.values())


def test_it_needs_no_superuser(postgres_server: Server):
    owner = postgres_server.create_role()
    database = postgres_server.create_database(options=f'OWNER "{owner.name}"')
    load_practice(database.url_for(owner), rows=3_000)
    assert read_database(database.url_for(owner)).large_objects


@pytest.mark.parametrize(
    "query",
    [
        "SELECT 1 FROM pg_attribute WHERE attidentity = 'a'",
        "SELECT 1 FROM pg_attribute WHERE attgenerated = 's'",
        "SELECT 1 FROM pg_type WHERE typtype = 'e' AND typname <> lower(typname)",
        "SELECT 1 FROM pg_class WHERE relkind = 'p'",
        "SELECT 1 FROM pg_class WHERE relkind = 'm' AND relispopulated",
        "SELECT 1 FROM pg_class WHERE relkind = 'r' AND relname ~ '[A-Z ]'",
        "SELECT 1 FROM pg_constraint WHERE contype = 'f' AND conrelid = confrelid",
        (
            "SELECT 1 FROM pg_constraint a JOIN pg_constraint b ON a.conrelid = b.confrelid"
            " AND a.confrelid = b.conrelid AND a.conrelid <> b.conrelid WHERE a.contype = 'f'"
        ),
        "SELECT 1 FROM pg_trigger WHERE tgenabled = 'D'",
        (
            "SELECT 1 FROM pg_class s WHERE relkind = 'S' AND NOT EXISTS"
            " (SELECT 1 FROM pg_depend WHERE objid = s.oid AND deptype IN ('a', 'i'))"
        ),
        (
            "SELECT 1 FROM pg_class t WHERE relkind = 'r' AND relname = 'import_log' AND NOT EXISTS"
            " (SELECT 1 FROM pg_constraint WHERE conrelid = t.oid AND contype = 'p')"
        ),
    ],
)
def test_it_has_what_real_applications_have(practice_database: Database, query: str):
    assert practice_database.execute(query)


def test_the_reader_sees_one_changed_row_sequence_object_and_column(
    practice_database: Database, practice_template: str
):
    original = read_database(practice_database.server.url(practice_template))
    practice_database.execute(
        "UPDATE clients SET name = 'x' WHERE id = 1000; SELECT nextval('billing.batch_numbers');"
        " SELECT lo_unlink(910002); ALTER TABLE teams ALTER COLUMN name DROP NOT NULL"
    )
    found = "\n".join(differences(original, read_database(practice_database.url)))
    assert 'table "public"."clients": 200 rows became 200\n  1 rows lost, 1 gained' in found
    assert 'sequence "billing"."batch_numbers": (1, False) became (1, True)' in found
    assert "large object 910002" in found
    assert "-    name text NOT NULL" in found
