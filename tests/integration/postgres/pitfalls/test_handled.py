"""Traps in which usual tools lose something with exit status 0, and this one does not."""

import psycopg
import pytest

from orchestrator.engines.postgres.programs import copy_for_others, embedded_programs
from orchestrator.errors import MissingPrivilegeError
from tests.support.copying import Copier, copy_database, differing
from tests.support.postgres import Database, Server, running_server
from tests.support.restoring import being_restored, load, take_plain_backup
from tests.support.source_engine import a_source, open_snapshot
from tests.support.standby import caught_up, running_standby


def test_large_objects_without_a_byte_are_a_whole_backup(empty_database: Database) -> None:
    empty_database.execute("SELECT lo_create(1), lo_create(2)")
    copied, _ = copy_database(empty_database, "copied")
    assert differing(empty_database, copied) == []


SPARSE = """
SELECT lo_from_bytea(5, '\\xab'); SELECT lo_put(5, 100000, '\\x01'), lo_put(5, 10000, '\\x02'),
  lo_from_bytea(6, decode(repeat('00', 5000), 'hex')), lo_create(7)
"""


def test_holes_of_large_objects_are_proved_without_reading_their_table(
    empty_database: Database,
) -> None:
    empty_database.execute(SPARSE)
    role = empty_database.server.create_role(options="CREATEDB")
    backup = take_plain_backup(empty_database)
    with being_restored(empty_database, backup, role=role) as database:
        load(database, backup)
        pages: list[bytes] = []
        assert database.read_large_objects(pages.append) == 6
        assert b"".join(pages) == backup.large_objects


def test_what_the_owner_of_a_large_object_or_database_gave_away_stays_so(
    empty_database: Database,
) -> None:
    owner, guest = (empty_database.server.create_role(name).name for name in ("o", "the guest"))
    empty_database.execute(
        "SELECT lo_create(1), lo_create(2), lo_create(3); REVOKE ALL ON LARGE OBJECT 3 FROM postgres;"
        f'GRANT SELECT ON LARGE OBJECT 1 TO "{guest}";'
        "REVOKE ALL ON LARGE OBJECT 1 FROM postgres;"
        f"ALTER LARGE OBJECT 2 OWNER TO {owner}; GRANT SELECT ON LARGE OBJECT 2 TO {owner}"
        f' WITH GRANT OPTION; GRANT CONNECT ON DATABASE {empty_database.name} TO "{guest}";'
        f"REVOKE CREATE ON DATABASE {empty_database.name} FROM postgres"
    )
    copied, report = copy_database(empty_database, "copied")
    assert report.skipped == ()
    assert differing(empty_database, copied) == []


def test_materialized_views_that_nobody_filled_stay_empty(empty_database: Database) -> None:
    empty_database.execute(
        "CREATE TABLE t AS SELECT 1 AS i; CREATE MATERIALIZED VIEW filled AS SELECT * FROM t;"
        'CREATE MATERIALIZED VIEW "not. yet" AS SELECT * FROM t WITH NO DATA'
    )
    copied, report = copy_database(empty_database, "copied")
    assert report.skipped == ()
    assert differing(empty_database, copied) == []


def test_a_filled_view_above_an_emptied_one_is_listed(empty_database: Database) -> None:
    empty_database.execute(
        "CREATE MATERIALIZED VIEW below AS SELECT 1 AS i;"
        "CREATE MATERIALIZED VIEW above AS SELECT * FROM below;"
        "REFRESH MATERIALIZED VIEW below WITH NO DATA"
    )
    _, report = copy_database(empty_database, "copied")
    (entry,) = report.skipped
    assert (entry.kind, entry.name) == ("MATERIALIZED VIEW DATA", "public.above")


LOOKING = """
CREATE TABLE zz (i int); INSERT INTO zz VALUES (1);
CREATE FUNCTION known(int) RETURNS boolean LANGUAGE sql
  AS 'SELECT EXISTS (SELECT FROM public.zz WHERE i = $1)';
CREATE FUNCTION matches(int, int) RETURNS boolean LANGUAGE sql AS 'SELECT public.known($1)';
CREATE OPERATOR ~~> (LEFTARG = int, RIGHTARG = int, FUNCTION = matches);
CREATE TABLE a (i int CONSTRAINT looks CHECK (known(i))); INSERT INTO a VALUES (1);
CREATE TABLE b (i int CHECK (i ~~> 0)); INSERT INTO b VALUES (1);
CREATE DOMAIN seen AS int CHECK (known(value)); CREATE TABLE c (i seen); INSERT INTO c VALUES (1);
CREATE TABLE parent (i int, CONSTRAINT c CHECK (known(i)));
CREATE TABLE own (i int, CONSTRAINT c CHECK (known(i))); ALTER TABLE own INHERIT parent;
CREATE TABLE mere () INHERITS (parent); INSERT INTO own VALUES (1); INSERT INTO mere VALUES (1);
COMMENT ON CONSTRAINT c ON parent IS 'looks elsewhere';
CREATE TABLE later (i int); INSERT INTO later VALUES (404);
ALTER TABLE later ADD CHECK (known(i)) NOT VALID;
CREATE MATERIALIZED VIEW m AS SELECT i FROM a WHERE known(i)
"""


def test_checks_that_read_other_tables_wait_for_all_rows(empty_database: Database) -> None:
    empty_database.execute(LOOKING)
    copied, report = copy_database(empty_database, "copied")
    assert report.skipped == ()
    assert differing(empty_database, copied) == []


def test_a_partition_made_between_two_backups_is_in_the_second(empty_database: Database) -> None:
    empty_database.execute(
        "CREATE TABLE log (id int) PARTITION BY RANGE (id);"
        "CREATE TABLE log_1 PARTITION OF log FOR VALUES FROM (0) TO (10); INSERT INTO log VALUES (1)"
    )
    copier = Copier.of(empty_database)
    copier.back_up()
    empty_database.execute(
        "CREATE TABLE log_2 PARTITION OF log FOR VALUES FROM (10) TO (20); INSERT INTO log VALUES (11)"
    )
    copier.restore(copier.back_up(), "copied", empty_database.server)
    copied = empty_database.server.database("copied")
    assert copied.execute("SELECT id FROM log ORDER BY 1") == [(1,), (11,)]


def test_a_standby_is_backed_up_and_its_unlogged_tables_are_listed() -> None:
    with running_server(wal_level="replica") as primary:
        original = primary.create_database()
        original.execute(
            "CREATE TABLE t (id serial); INSERT INTO t SELECT FROM generate_series(1, 99);"
            "CREATE UNLOGGED TABLE fast (id int GENERATED ALWAYS AS IDENTITY);"
            "INSERT INTO fast DEFAULT VALUES; SELECT lo_from_bytea(3, '\\xab')"
        )
        with running_standby(primary) as standby:
            source = caught_up(standby, original)
            copier = Copier.of(source)
            with open_snapshot(source.url, source.name) as snapshot:
                (left_out,) = snapshot.contents.left_out
                assert snapshot.contents.identity.in_recovery
            assert (left_out.kind, left_out.name) == ("unlogged table", "public.fast")
            report = copier.restore(copier.back_up(), "copied", primary)
    assert report.rows == 99


def test_the_advice_for_large_objects_stays_out_of_the_schema(empty_database: Database) -> None:
    role = empty_database.server.create_role()
    empty_database.execute("SELECT lo_from_bytea(1, '\\xab')")
    url = empty_database.url_for(role)
    with pytest.raises(MissingPrivilegeError) as caught, open_snapshot(url, empty_database.name):
        pass
    empty_database.execute("\n".join(caught.value.next_step.splitlines()[1:]))
    source = a_source(url, empty_database.name)
    copied, report = copy_database(empty_database, "copied", source=source)
    assert report.skipped == ()
    assert differing(empty_database, copied) == []


CONFIGURED = """
CREATE TABLE settings (name text, own boolean); INSERT INTO settings VALUES ('brought', true);
SELECT pg_catalog.pg_extension_config_dump('settings', 'WHERE NOT own');
"""


def test_rows_added_to_an_extension_are_listed_and_its_own_are_not(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("installation")
    programs = copy_for_others(embedded_programs(), folder / "own")
    extensions = programs.parent / "share" / "extension"
    (extensions / "ours.control").write_text("default_version = '1'\n")
    (extensions / "ours--1.sql").write_text(CONFIGURED)
    with running_server(programs) as server:
        database = server.create_database()
        database.execute("CREATE EXTENSION ours")
        with open_snapshot(database.url, database.name) as snapshot:
            assert snapshot.contents.left_out == ()
        database.execute("INSERT INTO settings VALUES ('added', false), ('too', false)")
        with open_snapshot(database.url, database.name) as snapshot:
            (left_out,) = snapshot.contents.left_out
    assert (left_out.name, left_out.reason[:6]) == ("public.settings", "2 rows")


def test_every_contrib_extension_at_hand_comes_back(empty_database: Database) -> None:
    names = [name for (name,) in empty_database.execute("SELECT name FROM pg_available_extensions")]
    refused: dict[str, str] = {}
    with empty_database.connect() as connection:
        for name in names:
            try:
                connection.execute(f'CREATE EXTENSION IF NOT EXISTS "{name}" CASCADE'.encode())
            except psycopg.Error as error:
                refused[name] = str(error)
    # The wheel has extensions of a language that it has not.
    assert all("plpython3u" in words for words in refused.values()), refused
    assert len(names) - len(refused) > 30
    empty_database.execute("""
        CREATE TABLE t (h hstore, c citext UNIQUE, l ltree, b cube, s seg, i isbn, n int, x text);
        INSERT INTO t VALUES ('k=>v', 'Ä', 'a.b', '(1,2)', '1 .. 2', '978-0-393-04002-9', 1, 'abc');
        CREATE INDEX ON t USING gin (x gin_trgm_ops); CREATE INDEX ON t USING gist (l);
        CREATE INDEX ON t USING gist (n, b); CREATE INDEX ON t USING bloom (n)""")
    copied, report = copy_database(empty_database, "copied")
    assert report.skipped == ()
    assert differing(empty_database, copied) == []
    listed = "SELECT extname, extversion FROM pg_extension ORDER BY 1"
    assert copied.execute(listed) == empty_database.execute(listed)


def test_each_database_of_a_server_has_a_backup_and_a_moment_of_its_own(
    postgres_server: Server,
) -> None:
    one, other = postgres_server.create_database(), postgres_server.create_database()
    with open_snapshot(one.url, one.name) as first, open_snapshot(other.url, other.name) as second:
        moments = (first.contents.snapshot_at, second.contents.snapshot_at)
        identities = (first.contents.identity, second.contents.identity)
    assert moments[0] < moments[1]
    assert identities[0].system_identifier == identities[1].system_identifier
    assert identities[0].database_oid != identities[1].database_oid


def test_deferrable_keys_come_back_deferrable(empty_database: Database) -> None:
    empty_database.execute("""
        CREATE TABLE hen (id int PRIMARY KEY, egg int); CREATE TABLE egg (id int PRIMARY KEY,
          hen int REFERENCES hen DEFERRABLE INITIALLY DEFERRED, UNIQUE (hen) DEFERRABLE);
        ALTER TABLE hen ADD FOREIGN KEY (egg) REFERENCES egg DEFERRABLE;
        BEGIN; INSERT INTO egg VALUES (1, 2), (2, 1); INSERT INTO hen VALUES (1, 1), (2, 2); COMMIT""")
    copied, _ = copy_database(empty_database, "copied")
    assert differing(empty_database, copied) == []
    timing = "SELECT conname, condeferrable, condeferred FROM pg_constraint ORDER BY 1"
    assert copied.execute(timing) == empty_database.execute(timing)


def test_the_order_of_rows_on_disk_makes_no_difference(empty_database: Database) -> None:
    empty_database.execute("CREATE TABLE t AS SELECT i FROM generate_series(1, 5000) i")
    copier = Copier.of(empty_database)
    first = copier.back_up()
    empty_database.execute("UPDATE t SET i = i WHERE i % 3 = 0")
    second = copier.back_up()
    for name, backup in (("one", first), ("other", second)):
        assert copier.restore(backup, name, empty_database.server).proved
        assert differing(empty_database, empty_database.server.database(name)) == []
