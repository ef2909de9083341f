"""What a restored database holds, seen by an independent reader."""

from dataclasses import replace

import pytest

from tests.support.postgres import Database, Server
from tests.support.restoring import (
    being_restored,
    dump_schema,
    load,
    restore,
    take_plain_backup,
)

SCHEMA = """
CREATE TYPE mood AS ENUM ('glad', 'sad');
CREATE TYPE pair AS (a int, b text);
CREATE DOMAIN positive AS int CHECK (value > 0);
CREATE TABLE kinds (id int GENERATED ALWAYS AS IDENTITY (START 7) PRIMARY KEY, m mood, p pair,
  d positive, doubled int GENERATED ALWAYS AS (id * 2) STORED, x float8, at timestamptz, j jsonb);
INSERT INTO kinds (m, p, d, x, at, j) SELECT 'glad', ROW(i, 'a,"b'::text)::pair, i, i / 3.0, now(), '{"k": 1}'
  FROM generate_series(1, 100) i;
CREATE TABLE serials (id serial PRIMARY KEY, note text);
INSERT INTO serials (note) VALUES ('a'), (NULL), (E'tab\\tnewline\\n\\\\.'), ('');
CREATE SEQUENCE "Loose one" INCREMENT 5; SELECT nextval('"Loose one"'), nextval('"Loose one"');
CREATE SEQUENCE untouched;
CREATE TABLE uses_loose (id bigint DEFAULT nextval('"Loose one"'));
CREATE TABLE nothing (); INSERT INTO nothing DEFAULT VALUES; INSERT INTO nothing DEFAULT VALUES;
"""


def test_types_sequences_and_generated_columns_come_back_as_they_were(empty_database: Database):
    empty_database.execute(SCHEMA)
    restored, skipped = restore(empty_database)
    assert skipped == []
    for query in (
        "SELECT * FROM kinds ORDER BY id",
        "SELECT * FROM serials ORDER BY id",
        "SELECT count(*) FROM nothing",
        'SELECT last_value, is_called FROM "Loose one"',
        "SELECT last_value, is_called FROM untouched",
        "SELECT last_value, is_called FROM kinds_id_seq",
    ):
        assert restored.execute(query) == empty_database.execute(query), query


def test_the_next_row_goes_on_after_the_last_one(empty_database: Database):
    empty_database.execute(SCHEMA)
    restored, _ = restore(empty_database)
    assert restored.execute("INSERT INTO kinds (m) VALUES ('sad') RETURNING id, doubled") == [
        (107, 214)
    ]
    assert restored.execute("INSERT INTO serials DEFAULT VALUES RETURNING id") == [(5,)]
    assert restored.execute("INSERT INTO uses_loose DEFAULT VALUES RETURNING id") == [(11,)]


HOSTILE = [
    'we"ird',
    "new\nline",
    "it's",
    "*",
    "$x$",
    "-dash",
    "%s %%",
    "Ünï ☃",
    "Mixed Case",
    "a.b",
]


HOSTILE_SCHEMA = """
CREATE SCHEMA {n}; CREATE TYPE {n}.{type} AS ENUM ('v');
CREATE TABLE {n}.{n} ({n} serial PRIMARY KEY, v {n}.{type} CONSTRAINT {n} CHECK (v IS NOT NULL));
CREATE FUNCTION {n}.{n}(a {n}.{type}, b int) RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE INDEX {index} ON {n}.{n} (v); COMMENT ON TABLE {n}.{n} IS 'x';
CREATE VIEW {n}.{view} AS SELECT * FROM {n}.{n};
INSERT INTO {n}.{n} (v) VALUES ('v'), ('v')
"""


def quoted(name: str, suffix: str = "") -> str:
    return '"' + name.replace('"', '""') + suffix + '"'


@pytest.mark.parametrize("quote_all", [(), ("--quote-all-identifiers",)], ids=["plain", "quoted"])
def test_hostile_names_stay_names(empty_database: Database, quote_all: tuple[str, ...]):
    for name in HOSTILE:
        suffixes = {word: quoted(name, f" {word}") for word in ("type", "index", "view")}
        empty_database.execute(HOSTILE_SCHEMA.format(n=quoted(name), **suffixes))
    backup = replace(
        take_plain_backup(empty_database), archive=dump_schema(empty_database, *quote_all)
    )
    with being_restored(empty_database, backup, final_name="host=evil") as database:
        assert [*load(database, backup), *database.publish()] == []
    restored = Database("host=evil", empty_database.server)
    for name in HOSTILE:
        view = f"{quoted(name)}.{quoted(name, ' view')}"
        assert restored.execute(f"SELECT v FROM {view}") == [("v",), ("v",)]


def test_partitions_inheritance_and_circular_references_come_back(empty_database: Database):
    empty_database.execute("""
        CREATE TABLE log (at date, what text, PRIMARY KEY (at, what)) PARTITION BY RANGE (at);
        CREATE TABLE log_1 PARTITION OF log FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
        CREATE TABLE log_2 PARTITION OF log DEFAULT; CREATE INDEX ON log (what);
        INSERT INTO log SELECT date '2026-01-15' + i, i FROM generate_series(0, 99) i;
        CREATE TABLE parent (id int); CREATE TABLE child (extra text) INHERITS (parent);
        INSERT INTO parent VALUES (1); INSERT INTO child VALUES (2, 'x'), (3, 'y');
        CREATE TABLE hen (id int PRIMARY KEY, egg int); CREATE TABLE egg (id int PRIMARY KEY, hen int
          REFERENCES hen); ALTER TABLE hen ADD FOREIGN KEY (egg) REFERENCES egg;
        BEGIN; SET CONSTRAINTS ALL DEFERRED; INSERT INTO hen VALUES (1); INSERT INTO egg VALUES (1, 1);
        UPDATE hen SET egg = 1; COMMIT""")
    restored, skipped = restore(empty_database)
    assert skipped == []
    for query in (
        "SELECT tableoid::regclass::text, * FROM log ORDER BY at",
        "SELECT tableoid::regclass::text, id FROM parent ORDER BY id",
        "SELECT inhrelid::regclass::text, inhparent::regclass::text FROM pg_inherits ORDER BY 1",
        "SELECT conname, convalidated FROM pg_constraint WHERE contype = 'f' ORDER BY 1",
    ):
        assert restored.execute(query) == empty_database.execute(query), query


def test_a_constraint_that_was_not_valid_stays_so_with_its_rows(empty_database: Database):
    empty_database.execute("""
        CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (a int); INSERT INTO b VALUES (404);
        ALTER TABLE b ADD CONSTRAINT later FOREIGN KEY (a) REFERENCES a NOT VALID;
        ALTER TABLE b ADD CONSTRAINT small CHECK (a < 9) NOT VALID""")
    restored, _ = restore(empty_database)
    assert restored.execute(
        "SELECT conname, convalidated FROM pg_constraint WHERE conname IN "
        "('later', 'small') ORDER BY 1"
    ) == [("later", False), ("small", False)]
    assert restored.execute("SELECT * FROM b") == [(404,)]


def test_a_chain_of_materialized_views_is_populated_in_its_order(empty_database: Database):
    empty_database.execute("""
        CREATE TABLE t (i int); INSERT INTO t SELECT generate_series(1, 10);
        CREATE MATERIALIZED VIEW z AS SELECT sum(i) AS s FROM t;
        CREATE FUNCTION through() RETURNS bigint LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT s FROM public.z); END';
        CREATE VIEW between_them AS SELECT s + 1 AS s FROM z;
        CREATE MATERIALIZED VIEW b AS SELECT s, public.through() AS f FROM between_them;
        CREATE MATERIALIZED VIEW a AS SELECT public.through() * 2 AS f; CREATE UNIQUE INDEX ON b (s)""")
    restored, _ = restore(empty_database)
    assert restored.execute("SELECT b.s, b.f, a.f FROM a, b") == [(56, 55, 110)]
    assert restored.execute(
        "SELECT bool_and(relispopulated) FROM pg_class WHERE relkind = 'm'"
    ) == [(True,)]


def test_triggers_and_rules_do_not_fire_on_loaded_rows(empty_database: Database):
    empty_database.execute("""
        CREATE TABLE t (i int); CREATE TABLE audit (i int);
        CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql
          AS 'BEGIN INSERT INTO audit VALUES (new.i); RETURN new; END';
        CREATE TRIGGER noted AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION note();
        CREATE RULE doubled AS ON UPDATE TO t DO ALSO INSERT INTO audit VALUES (0);
        INSERT INTO t VALUES (1), (2)""")
    restored, _ = restore(empty_database)
    assert restored.execute("SELECT i FROM audit ORDER BY 1") == [(1,), (2,)]
    restored.execute("INSERT INTO t VALUES (3)")
    assert restored.execute("SELECT count(*) FROM audit") == [(3,)]


def test_large_objects_come_back_with_owner_grants_and_comment(empty_database: Database):
    owner = empty_database.server.create_role()
    empty_database.execute(f"""
        SELECT lo_from_bytea(4711, decode(repeat('00ff', 5000), 'hex')), lo_create(4712);
        ALTER LARGE OBJECT 4711 OWNER TO {owner.name}; GRANT SELECT ON LARGE OBJECT 4711 TO PUBLIC;
        COMMENT ON LARGE OBJECT 4711 IS 'a scan'""")
    restored, skipped = restore(empty_database)
    assert skipped == []
    for query in (
        "SELECT loid, pageno, data FROM pg_largeobject ORDER BY 1, 2",
        "SELECT oid, lomowner, lomacl::text FROM pg_largeobject_metadata ORDER BY 1",
        "SELECT obj_description(4711, 'pg_largeobject')",
    ):
        assert restored.execute(query) == empty_database.execute(query), query


def test_the_engine_reads_back_what_it_loaded(empty_database: Database):
    empty_database.execute(SCHEMA + "; SELECT lo_from_bytea(1, '\\xdeadbeef')")
    backup = take_plain_backup(empty_database)
    with being_restored(empty_database, backup) as database:
        load(database, backup)
        tables = [data.table for data in backup.details.tables]
        counts = dict(zip((t.name for t in tables), database.count_rows(tables), strict=True))
        for table in tables:
            text: list[bytes] = []
            assert database.read_table(table, text.append) == counts[table.name]
            assert b"".join(text) == backup.rows[table.name]
        assert tuple(database.read_sequences()) == backup.details.sequences
        pages: list[bytes] = []
        assert database.read_large_objects(pages.append) == 1
        assert b"".join(pages) == backup.large_objects


@pytest.mark.parametrize(
    ("encoding", "word"), [("LATIN1", b"\xe4"), ("SQL_ASCII", b"\xff\xfe"), ("UTF8", "ä".encode())]
)
def test_bytes_are_kept_in_every_server_encoding(
    postgres_server: Server, encoding: str, word: bytes
):
    options = f"ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C'"
    source = postgres_server.create_database(options=options)
    with source.connect() as connection:
        connection.execute(f"SET client_encoding = '{encoding}'; CREATE TABLE t (x text)".encode())
        connection.execute(b"INSERT INTO t VALUES ('" + word + b"')")
    restored, skipped = restore(source)
    assert skipped == []
    query = "SELECT getdatabaseencoding()::bytea, x::bytea FROM t"
    assert restored.execute(query) == [(encoding.encode(), word)] == source.execute(query)


ZOO = """
CREATE EXTENSION pg_trgm; CREATE SCHEMA z; SET search_path = z, public;
CREATE COLLATION de (provider = libc, locale = 'C'); CREATE TYPE span AS RANGE (subtype = int);
CREATE TYPE e AS ENUM ('a'); CREATE DOMAIN posint AS int CONSTRAINT above CHECK (value > 0);
CREATE FUNCTION e_to_int(e) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 1';
CREATE CAST (e AS int) WITH FUNCTION e_to_int(e) AS ASSIGNMENT;
CREATE FUNCTION same(e, e) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true';
CREATE OPERATOR ~=~ (LEFTARG = e, RIGHTARG = e, FUNCTION = same);
CREATE OPERATOR FAMILY fam2 USING hash; CREATE OPERATOR CLASS cls FOR TYPE int USING hash
  FAMILY fam2 AS OPERATOR 1 =, FUNCTION 1 hashint4(int);
CREATE FUNCTION all_of(extra text DEFAULT 'x', VARIADIC rest int[] DEFAULT '{}', OUT n int) LANGUAGE sql AS 'SELECT 1';
CREATE PROCEDURE act(INOUT i int) LANGUAGE sql AS 'SELECT 1';
CREATE AGGREGATE total(int) (SFUNC = int4pl, STYPE = int); CREATE AGGREGATE tally(*) (SFUNC = int8inc, STYPE = bigint, INITCOND = '0');
CREATE AGGREGATE ordered(float8 ORDER BY anyelement) (SFUNC = ordered_set_transition, STYPE = internal, FINALFUNC = percentile_disc_final, FINALFUNC_EXTRA);
CREATE TEXT SEARCH DICTIONARY dict (TEMPLATE = simple); CREATE TEXT SEARCH CONFIGURATION conf (COPY = simple);
CREATE CONVERSION conv FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8; CREATE TABLE t (id int PRIMARY KEY,
  a text COLLATE z.de, b int DEFAULT 3, s posint, EXCLUDE USING hash (b WITH =)); CREATE STATISTICS st ON id, b FROM t;
CREATE VIEW v1 AS SELECT id, a FROM t GROUP BY id; CREATE RULE gone AS ON DELETE TO t DO INSTEAD NOTHING;
CREATE INDEX trgm ON t USING gin (a public.gin_trgm_ops); CREATE TYPE e_row AS (i int); CREATE TABLE typed OF e_row; CREATE UNLOGGED TABLE u (i int);
CREATE POLICY p ON t USING (true); ALTER TABLE t ENABLE ROW LEVEL SECURITY; CREATE FOREIGN DATA WRAPPER w;
CREATE SERVER s FOREIGN DATA WRAPPER w; CREATE FOREIGN TABLE far (i int) SERVER s; CREATE USER MAPPING FOR PUBLIC SERVER s;
CREATE TABLE q (i int NOT NULL, CHECK (i > 0)); ALTER TABLE t CLUSTER ON t_pkey; ALTER TABLE q REPLICA IDENTITY FULL;
CREATE VIEW v2 AS SELECT v1.id FROM v1; CREATE OR REPLACE VIEW v1 AS SELECT id, a FROM t GROUP BY id HAVING count(*) > 0;
CREATE TABLE list (k text) PARTITION BY LIST (k); CREATE TABLE list_a (k text CHECK (k <> 'z')); ALTER TABLE list ATTACH
  PARTITION list_a FOR VALUES IN ('a'); CREATE UNIQUE INDEX ON list (k);
"""


def test_every_kind_of_definition_comes_back_as_it_was(empty_database: Database):
    empty_database.execute(ZOO)
    restored, skipped = restore(empty_database)
    assert skipped == []
    again = [
        dump_schema(d, "--format=plain", "--restrict-key=x") for d in (empty_database, restored)
    ]
    assert again[0] == again[1]
    assert b"CREATE CAST" in again[0]


def test_the_practice_database_comes_back_equal(practice_database: Database):
    backup = take_plain_backup(practice_database)
    restored, skipped = restore(practice_database)
    assert skipped == []
    again = take_plain_backup(restored)
    assert {name: sorted(text.splitlines()) for name, text in again.rows.items()} == {
        name: sorted(text.splitlines()) for name, text in backup.rows.items()
    }
    assert again.details.sequences == backup.details.sequences


def test_signatures_and_joined_names_longer_than_a_name_are_found_again(empty_database: Database):
    long = "x" * 60
    empty_database.execute(
        f"CREATE FUNCTION {long}({', '.join(['timestamp with time zone'] * 9)}) RETURNS int"
        " LANGUAGE sql AS 'SELECT 1';"
        f"CREATE TABLE {long} (id int CONSTRAINT {long[:-1]}y CHECK (id > 0) NOT NULL);"
        f"CREATE TRIGGER {long} BEFORE UPDATE ON {long} FOR EACH ROW"
        " EXECUTE FUNCTION suppress_redundant_updates_trigger()"
    )
    _, skipped = restore(empty_database)
    assert skipped == []


def test_rows_that_an_enum_s_hash_spreads_come_back_in_other_partitions(empty_database: Database):
    empty_database.execute("""
        CREATE TYPE mood AS ENUM ('glad', 'sad', 'so');
        CREATE TABLE moods (v int, m mood) PARTITION BY HASH (m);
        CREATE TABLE moods_0 PARTITION OF moods FOR VALUES WITH (MODULUS 2, REMAINDER 0)
          PARTITION BY LIST (v);
        CREATE TABLE moods_0_d PARTITION OF moods_0 DEFAULT;
        CREATE TABLE moods_1 (gone int, m mood, v int); ALTER TABLE moods_1 DROP COLUMN gone;
        ALTER TABLE moods ATTACH PARTITION moods_1 FOR VALUES WITH (MODULUS 2, REMAINDER 1);
        INSERT INTO moods SELECT i, ('{glad,sad,so}'::mood[])[i % 3 + 1] FROM generate_series(1, 99) i
    """)
    restored, _ = restore(empty_database)
    query = "SELECT v, m::text FROM moods ORDER BY v"
    assert restored.execute(query) == empty_database.execute(query)


def test_a_foreign_key_to_a_table_outside_the_backup_comes_back_not_valid(
    empty_database: Database,
):
    empty_database.execute("""
        CREATE SCHEMA "a""b"; CREATE TABLE "a""b".users (id int PRIMARY KEY);
        CREATE TABLE orders (id int PRIMARY KEY, u int CONSTRAINT o_u REFERENCES "a""b".users);
        CREATE TABLE lines (o int CONSTRAINT l_o REFERENCES orders);
        INSERT INTO "a""b".users VALUES (1); INSERT INTO orders VALUES (1, 1);
        INSERT INTO lines VALUES (1)
    """)
    backup = take_plain_backup(empty_database)
    kept = tuple(data for data in backup.details.tables if data.table.name.name != "users")
    archive = dump_schema(empty_database, "--quote-all-identifiers")
    backup = replace(backup, archive=archive, details=replace(backup.details, tables=kept))
    with being_restored(empty_database, backup) as database:
        (skipped,) = [*load(database, backup), *database.publish()]
    assert "stays NOT VALID" in str(skipped)
    restored = empty_database.server.database("restored")
    validity = "SELECT conname, convalidated FROM pg_constraint WHERE contype = 'f' ORDER BY 1"
    assert restored.execute(validity) == [("l_o", True), ("o_u", False)]
