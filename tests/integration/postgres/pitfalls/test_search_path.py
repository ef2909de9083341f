"""Functions that need a search_path: named before they are needed in a restore (row 24)."""

import os
from pathlib import Path

import pytest

from orchestrator.clock import SystemClock
from orchestrator.engines.postgres.backup.tables.search_path import (
    Reliance,
    read_reliances,
    unqualified_names,
)
from orchestrator.engines.postgres.preflight.inspector import PostgresInspector
from tests.support.builders import a_policy
from tests.support.command_line import Workplace
from tests.support.copying import copy_database
from tests.support.postgres import Database
from tests.support.source_engine import a_source, open_snapshot

# PostgreSQL 17 lets nobody create these with the unqualified name; older servers do, and so does
# whoever replaces the function afterwards.
RELYING = """
CREATE TABLE t (x text, id int); INSERT INTO t VALUES ('a', 1), ('b', 2);
CREATE FUNCTION inner_one(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT upper($1)';
CREATE FUNCTION outer_one(v text) RETURNS text LANGUAGE plpgsql IMMUTABLE
  AS 'BEGIN RETURN public.inner_one(v); END';
CREATE INDEX ix ON t (outer_one(x)); CREATE UNIQUE INDEX by_id ON t (id);
CREATE OR REPLACE FUNCTION outer_one(v text) RETURNS text LANGUAGE plpgsql IMMUTABLE
  AS 'BEGIN RETURN inner_one(v); END'
"""
FINE = """
CREATE TABLE words (id int, name text);
CREATE FUNCTION plain(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT lower($1) /* inner_one( */';
CREATE FUNCTION with_schema(text) RETURNS text LANGUAGE plpgsql IMMUTABLE
  AS 'DECLARE words text; BEGIN words := $1; RETURN public.plain(words); -- plain(
  END';
CREATE FUNCTION with_setting(text) RETURNS text LANGUAGE plpgsql IMMUTABLE
  SET search_path = public AS 'BEGIN RETURN plain($1); END';
CREATE FUNCTION bound(text) RETURNS text LANGUAGE sql IMMUTABLE RETURN plain($1);
CREATE FUNCTION unused(text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN plain($1); END';
CREATE INDEX ON words (plain(name), with_schema(name)); CREATE INDEX ON words (bound(name));
CREATE INDEX ON words (with_setting(name)) WHERE id > 0
"""


def reliances(database: Database) -> tuple[Reliance, ...]:
    with database.connect() as connection:
        return read_reliances(connection)


def test_a_function_that_an_index_uses_is_named_with_the_sql_that_mends_it(
    empty_database: Database,
) -> None:
    empty_database.execute(RELYING)
    (found,) = reliances(empty_database)
    assert found.used_by == ("index public.ix",)
    assert found.names == ("inner_one",)
    statement = found.remedy.partition(", or ")[2]
    assert statement == ('ALTER FUNCTION "public"."outer_one"(v text) SET search_path = "public";')
    empty_database.execute(statement)
    assert reliances(empty_database) == ()
    _, report = copy_database(empty_database, "copied")
    assert report.skipped == ()


def test_functions_that_work_without_a_search_path_or_that_no_restore_calls_are_not_named(
    empty_database: Database,
) -> None:
    empty_database.execute(FINE)
    assert reliances(empty_database) == ()


LIKE_NAMES = """
CREATE TYPE status AS ENUM ('a', 'b'); CREATE TABLE orders (id int, k text);
CREATE FUNCTION as_variable(o text) RETURNS text LANGUAGE plpgsql IMMUTABLE
  AS $$declare status text := o; begin if status = 'a' then return status; end if; return o; end$$;
CREATE FUNCTION as_words(k text) RETURNS text LANGUAGE sql IMMUTABLE
  AS $$select case when k = 'status' then 'see from orders' else 'as_words(k)' end$$;
INSERT INTO orders VALUES (1, 'a'); CREATE INDEX ON orders (as_variable(k), as_words(k))
"""


def test_variables_and_literals_that_are_called_like_a_type_or_table_are_not_named(
    empty_database: Database,
) -> None:
    empty_database.execute(LIKE_NAMES)
    assert reliances(empty_database) == ()
    _, report = copy_database(empty_database, "copied")
    assert report.skipped == ()


USED_OTHERWISE = """
CREATE TABLE t (i int); CREATE TYPE mood AS ENUM ('sad');
CREATE FUNCTION known(int) RETURNS boolean LANGUAGE sql AS 'SELECT EXISTS (SELECT FROM public.t WHERE i = $1)';
CREATE FUNCTION cast_it(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT $1';
CREATE FUNCTION matches(int, int) RETURNS boolean LANGUAGE sql AS 'SELECT public.known($1)';
CREATE OPERATOR ~~> (LEFTARG = int, RIGHTARG = int, FUNCTION = matches);
CREATE TABLE checked (i int CONSTRAINT looks CHECK (i ~~> 0));
CREATE DOMAIN seen AS int CHECK (known(value));
CREATE TABLE made (x text, y text GENERATED ALWAYS AS (cast_it(x)) STORED);
CREATE VIEW below AS SELECT matches(1, 2); CREATE MATERIALIZED VIEW m AS SELECT * FROM below;
CREATE OR REPLACE FUNCTION known(int) RETURNS boolean LANGUAGE sql AS 'SELECT EXISTS (SELECT FROM t)';
CREATE OR REPLACE FUNCTION cast_it(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT $1::mood::text';
CREATE OR REPLACE FUNCTION matches(int, int) RETURNS boolean LANGUAGE plpgsql
  AS 'BEGIN RETURN known($1); END'
"""


def test_checks_generated_columns_domains_and_views_are_looked_through(
    empty_database: Database,
) -> None:
    empty_database.execute(USED_OTHERWISE)
    found = {one.function.split('"')[3]: one for one in reliances(empty_database)}
    assert {name: one.names for name, one in found.items()} == {
        "cast_it": ("mood",),
        "known": ("t",),
        "matches": ("known",),
    }
    assert found["matches"].used_by == (
        "constraint looks of public.checked",
        "materialized view public.m",
    )
    assert found["known"].used_by == ("constraint seen_check of public.seen",)
    assert found["cast_it"].used_by == ("generated column y of public.made",)


def test_preflight_and_every_backup_warn(tmp_path: Path, empty_database: Database) -> None:
    empty_database.execute(RELYING)
    url, name = empty_database.url, empty_database.name
    policy = a_policy(source=a_source(url, name))
    inspector = PostgresInspector(clock=SystemClock(), environment=dict(os.environ))
    found = inspector.inspect_database(policy, policy.source.databases[0])
    words = "index public.ix may fail to be restored"
    assert any(finding.what.startswith(words) for finding in found)
    with open_snapshot(url, name) as snapshot:
        (caution,) = snapshot.contents.cautions
    assert caution.startswith(words)
    taken = Workplace(tmp_path, url).run("backup", "practice")
    assert words in taken.out + taken.err


# ------------------------------------------------------------------ restoring all the same
PARTITIONED = """
CREATE TABLE p (x text) PARTITION BY LIST (x); CREATE TABLE p_a PARTITION OF p FOR VALUES IN ('a');
INSERT INTO p VALUES ('a'); CREATE INDEX of_p ON p (public.outer_one(x))
"""


def test_an_index_that_cannot_be_built_is_left_out_if_somebody_asks_for_it(
    tmp_path: Path, empty_database: Database
) -> None:
    of_partitions = RELYING.replace("CREATE UNIQUE", f"{PARTITIONED}; CREATE UNIQUE")
    empty_database.execute(of_partitions)
    place = Workplace(tmp_path, empty_database.url)
    place.run("backup", "practice")
    restore = ("restore", "latest", "--prove", "--into-new", "restored")
    refused = place.run(*restore, expect=1)
    assert "--skip-failed-indexes" in refused.err, refused.err
    restored = place.run(*restore, "--skip-failed-indexes", expect=3)
    assert "left out: INDEX public.ix: function inner_one(text) does not exist" in restored.err
    assert "left out: INDEX ATTACH public.p_a_outer_one_idx" in restored.err
    found = empty_database.server.database("restored").execute(
        "SELECT indexrelid::regclass::text FROM pg_index WHERE indrelid = 't'::regclass"
    )
    assert found == [("by_id",)]


SHORTAGE = """
CREATE OR REPLACE FUNCTION outer_one(v text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$BEGIN
  RAISE disk_full USING MESSAGE = 'could not extend file "base/1/2": No space left on device'; END$$
"""


def test_an_index_that_a_shortage_keeps_from_being_built_is_not_left_out(
    tmp_path: Path, empty_database: Database
) -> None:
    empty_database.execute(f"{RELYING}; {SHORTAGE}")
    place = Workplace(tmp_path, empty_database.url)
    place.run("backup", "practice")
    restore = ("restore", "latest", "--skip-failed-indexes", "--into-new", "restored")
    refused = place.run(*restore, expect=1)
    assert "INDEX public.ix could not be restored: could not extend file" in refused.err
    assert "left out: INDEX" not in refused.err
    assert "--skip-failed-indexes" not in refused.err
    assert "restored" not in empty_database.server.database_names()


def test_with_the_option_an_index_comes_before_the_key_that_needs_it(
    tmp_path: Path, empty_database: Database
) -> None:
    empty_database.execute(
        "CREATE TABLE t (id int); CREATE UNIQUE INDEX by_id ON t (id);"
        "CREATE TABLE u (id int REFERENCES t (id)); INSERT INTO t VALUES (1)"
    )
    place = Workplace(tmp_path, empty_database.url)
    place.run("backup", "practice")
    restore = ("restore", "latest", "--skip-failed-indexes", "--into-new")
    place.run(*restore, "restored")
    restored = empty_database.server.database("restored")
    assert restored.execute("SELECT conname FROM pg_constraint WHERE contype = 'f'")


def test_it_says_where_the_option_does_nothing(tmp_path: Path, empty_database: Database) -> None:
    place = Workplace(tmp_path, empty_database.url)
    place.run("backup", "practice")
    asked = place.run("restore", "latest", "--swap", "--skip-failed-indexes", expect=64)
    assert "--skip-failed-indexes does nothing with --swap" in asked.err


NAMES = {
    "function": {"f": ["public"], "Quoted": ["s"]},
    "relation": {"users": ["public"], "name": ["public"]},
    "type": {"mood": ["public"]},
}


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("SELECT f(1)", ["f"]),
        ("SELECT F (1)", ["f"]),
        ('SELECT "Quoted"(1), quoted(1)', ["Quoted"]),
        ("SELECT public.f(1), public . f(1)", []),
        ("SELECT f FROM public.users users", []),
        ("SELECT name FROM users u WHERE u.name = users.name", ["users"]),
        ("DECLARE r users%ROWTYPE; BEGIN", ["users"]),
        ("SELECT $1::mood, mood", ["mood"]),
        ("SELECT CAST(f2(CAST($1 AS text)) AS mood), x AS mood", ["mood"]),
        ("SELECT cast(cast($1 as mood) as text)", ["mood"]),
        ("SELECT mood 'sad', 'sad' :: \"mood\"", ["mood", "mood"]),
        ("DECLARE a int; b CONSTANT mood := $1; c mood; BEGIN", ["mood", "mood"]),
        ("DECLARE mood text := $1; BEGIN mood := 'a'; RETURN mood; END", []),
        ("DECLARE u users; BEGIN RETURN 1; users := 2; END", ["users"]),
        ("SELECT 'from users', 'it''s f(1)', E'\\' f(1)', $$ f(1) $$, $x$ f(1) $x$", []),
        ("SELECT '--', f(1), \"it's\", f(1), ''", ["f", "f"]),
        ("SELECT 'a', f(1) -- don't\n, f(1), 'b'", ["f", "f"]),
        ("EXECUTE 'SELECT ''sad''::mood FROM users' /* f(1) */", ["mood", "users"]),
        ("SELECT format ('SELECT mood ''%s'' ', $1)", ["mood"]),
        ("EXECUTE $x$SELECT mood 'sad'$x$", ["mood"]),
        ("SELECT 1 -- f(1)\n /* FROM users */", []),
        ("SELECT of(1), f2(1), _f(1)", []),
        ("FOR i IN 1..f(2) LOOP", ["f"]),
    ],
)
def test_names_without_a_schema_are_told_from_others(body: str, found: list[str]) -> None:
    assert list(unqualified_names(body, NAMES)) == found
