"""What a schema archive says, in pieces, with names that look like SQL."""

import pytest

from orchestrator.engines.postgres.describing.schema_reader import PostgresSchemaReader
from orchestrator.engines.postgres.describing.sql_lists import bracketed_list
from orchestrator.model.contents import TableName
from orchestrator.planning.comparison.schema import SchemaDescription
from tests.support.postgres import Database
from tests.support.restoring import dump_schema

SCHEMA = """
CREATE TABLE plain(id int PRIMARY KEY, other int UNIQUE);
CREATE TABLE odd("a,b ""c" text DEFAULT 'x, (y', "UNIQUE (z)" int CHECK ("UNIQUE (z)" <> 1),
                 UNIQUE ("a,b ""c", "UNIQUE (z)") INCLUDE ("UNIQUE (z)"));
CREATE TABLE by_index(id int, word text);
CREATE UNIQUE INDEX part ON by_index(id) WHERE id > 1;
CREATE UNIQUE INDEX expression ON by_index(lower(word));
CREATE TABLE by_good_index(a int, b int, note text); CREATE UNIQUE INDEX good ON by_good_index(b, a);
CREATE TABLE sharded(id int, k int, PRIMARY KEY (k, id)) PARTITION BY RANGE (k);
CREATE TABLE sharded_1 PARTITION OF sharded FOR VALUES FROM (0) TO (9);
CREATE TABLE nothing(); CREATE UNLOGGED TABLE quick(a int) WITH (fillfactor = 50);
"""


@pytest.fixture
def described(empty_database: Database) -> SchemaDescription:
    empty_database.execute(SCHEMA)
    return PostgresSchemaReader().describe(dump_schema(empty_database))


def test_the_best_key_of_each_table_is_found(described: SchemaDescription):
    assert {name.name: key for name, key in described.keys.items()} == {
        "plain": ("id",),
        "odd": ('a,b "c', "UNIQUE (z)"),
        "by_good_index": ("b", "a"),
        "sharded": ("k", "id"),
        "sharded_1": ("k", "id"),
    }
    assert TableName("public", "by_index") not in described.keys


def test_columns_and_constraints_are_parts_of_their_own(described: SchemaDescription):
    parts = {entry.name: entry.parts for entry in described.entries if entry.kind == "TABLE"}
    odd = parts["public.odd"]
    assert odd['column a,b "c'] == "text DEFAULT 'x, (y'::text"
    assert odd["column UNIQUE (z)"] == "integer"
    assert odd["constraint odd_UNIQUE (z)_check"] == 'CHECK (("UNIQUE (z)" <> 1))'
    assert odd["kind"] == "CREATE TABLE"
    assert set(parts["public.nothing"]) == {"kind", "owner"}
    assert parts["public.quick"]["kind"] == "CREATE UNLOGGED TABLE"
    assert parts["public.quick"]["options"] == "WITH (fillfactor='50')"
    assert described.written_by == "pg_dump 17"


def test_a_list_without_end_is_no_list():
    with pytest.raises(ValueError, match="no end"):
        bracketed_list("(a, (b)", 0)
    assert bracketed_list("(a, (b, c), 'd,')", 0) == (["a", "(b, c)", "'d,'"], "")


def test_it_does_not_matter_whether_every_name_is_quoted(empty_database: Database):
    empty_database.execute(SCHEMA)
    empty_database.execute("CREATE FUNCTION f() RETURNS text RETURN 'a \"quoted\" word'")
    empty_database.execute('CREATE VIEW seen AS SELECT id AS "Id", other FROM plain')
    first = dump_schema(empty_database)
    second = dump_schema(empty_database, "--quote-all-identifiers")
    reader = PostgresSchemaReader()
    assert reader.describe(first) == reader.describe(second)
    assert 'a "quoted" word' in str(reader.describe(second).entries)
