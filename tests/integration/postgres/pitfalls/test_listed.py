"""What cannot come back as it was is said, by the backup or by the restore."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
import pytest

from tests.support.command_line import Workplace
from tests.support.copying import Copier, copy_database
from tests.support.postgres import Database, Role
from tests.support.restoring import restore
from tests.support.source_engine import a_source, open_snapshot


def left_out(url: str, name: str) -> list[tuple[str, str, str]]:
    with open_snapshot(url, name) as snapshot:
        return [(item.kind, item.name, item.reason) for item in snapshot.contents.left_out]


# ------------------------------------------------------------------ extensions (row 29)
MEMBERS = """
CREATE EXTENSION btree_gist; CREATE TABLE mine AS SELECT generate_series(1, 1000) AS id;
CREATE TABLE none (id int); CREATE SEQUENCE used; SELECT nextval('used'); CREATE SEQUENCE fresh;
ALTER EXTENSION btree_gist ADD TABLE mine; ALTER EXTENSION btree_gist ADD TABLE none;
ALTER EXTENSION btree_gist ADD SEQUENCE used; ALTER EXTENSION btree_gist ADD SEQUENCE fresh
"""


def test_rows_of_tables_that_belong_to_an_extension_are_listed(empty_database: Database) -> None:
    empty_database.execute(MEMBERS)
    found = left_out(empty_database.url, empty_database.name)
    assert [item[:2] for item in found] == [
        ("extension table", "public.mine"),
        ("extension sequence", "public.used"),
    ]
    assert "1000 rows" in found[0][2]
    assert "btree_gist" in found[0][2]


def test_a_swap_does_not_lose_rows_of_an_extension_unless_somebody_agrees(
    tmp_path: Path, empty_database: Database
) -> None:
    empty_database.execute(MEMBERS)
    place = Workplace(tmp_path, empty_database.url)
    assert "extension table public.mine: 1000 rows" in place.run("backup", "practice").err
    assert "extension table public.mine: 1000 rows" in place.run("show", "latest").out
    swap = ("restore", "latest", "--swap", "--yes-replace", empty_database.name)
    refused = place.run(*swap, expect=4)
    assert "would be left out: extension table public.mine" in refused.err
    assert "not backed up, would be empty: public.mine: 1,000 rows" in refused.err
    assert empty_database.execute("SELECT count(*) FROM mine") == [(1000,)]
    agreed = place.run(*swap, "--accept-left-out", "--accept-empty-tables")
    assert "public.mine: 1,000 rows, not in the backup" in agreed.out


def test_rows_that_came_to_an_extension_after_the_backup_are_counted_by_a_swap(
    tmp_path: Path, empty_database: Database
) -> None:
    place = Workplace(tmp_path, empty_database.url)
    empty_database.execute("CREATE TABLE t (id int)")
    place.run("backup", "practice")
    empty_database.execute(MEMBERS)
    swap = ("restore", "latest", "--swap", "--yes-replace", empty_database.name)
    assert "public.mine (1000 now)" in place.run(*swap, expect=4).err


def test_another_version_of_an_extension_is_said(empty_database: Database) -> None:
    empty_database.execute("CREATE EXTENSION hstore VERSION '1.4'; CREATE EXTENSION citext")
    _, report = copy_database(empty_database, "copied")
    assert report.skipped == ()
    (note,) = report.notes
    assert note.startswith("extension hstore is version 1.")
    assert note.endswith("here, and was 1.4 at the source")


# ------------------------------------------------------------------ indexes (row 9)
def test_an_index_that_is_not_valid_is_listed_with_what_makes_it_anew(
    empty_database: Database,
) -> None:
    empty_database.execute("CREATE TABLE t AS SELECT 1 AS id FROM generate_series(1, 2)")
    empty_database.execute("CREATE INDEX fine ON t (id)")
    with pytest.raises(psycopg.errors.UniqueViolation):
        empty_database.execute("CREATE UNIQUE INDEX CONCURRENTLY broken ON t (id)")
    (found,) = left_out(empty_database.url, empty_database.name)
    assert found[:2] == ("invalid index", "public.broken")
    assert 'REINDEX INDEX CONCURRENTLY "public"."broken"' in found[2]
    _, report = copy_database(empty_database, "copied")
    assert report.skipped == ()


def test_an_index_of_a_partitioned_table_that_some_partition_lacks_comes_along(
    empty_database: Database,
) -> None:
    empty_database.execute("CREATE TABLE t (id int) PARTITION BY LIST (id)")
    empty_database.execute("CREATE TABLE t1 PARTITION OF t FOR VALUES IN (1)")
    empty_database.execute("CREATE INDEX partly ON ONLY t (id)")
    assert left_out(empty_database.url, empty_database.name) == []


# ------------------------------------------------------------------ user mappings (row 33)
MAPPED = """
CREATE EXTENSION postgres_fdw; CREATE SERVER remote FOREIGN DATA WRAPPER postgres_fdw;
CREATE ROLE somebody; CREATE USER MAPPING FOR somebody SERVER remote OPTIONS (user 'u', password 'p');
CREATE USER MAPPING FOR PUBLIC SERVER remote OPTIONS (user 'x');
CREATE USER MAPPING FOR postgres SERVER remote;
"""


@pytest.mark.parametrize("advice", ["pg_read_all_data", ""])
def test_options_of_user_mappings_that_the_role_may_not_see_are_listed(
    empty_database: Database, advice: str
) -> None:
    role = empty_database.server.create_role(options="BYPASSRLS")
    empty_database.execute(MAPPED + (f"GRANT {advice} TO {role.name}" if advice else ""))
    url = empty_database.url_for(role)
    found = {name: reason for _, name, reason in left_out(url, empty_database.name)}
    empty_database.execute("DROP USER MAPPING FOR somebody SERVER remote; DROP ROLE somebody")
    listed = {"somebody at remote", "public at remote"}
    # Only who may read the table of mappings knows that one has no options.
    assert set(found) == (listed if advice else {*listed, "postgres at remote"})
    assert 'ALTER USER MAPPING FOR "somebody" SERVER "remote"' in found["somebody at remote"]


def test_what_a_superuser_backs_up_has_the_options_of_user_mappings(
    empty_database: Database,
) -> None:
    empty_database.execute(MAPPED)
    copied, report = copy_database(empty_database, "copied")
    found = copied.execute(
        "SELECT usename, array(SELECT unnest(umoptions) ORDER BY 1) FROM pg_user_mappings"
    )
    for database in (empty_database, copied):
        database.execute("DROP USER MAPPING FOR somebody SERVER remote")
    empty_database.execute("DROP ROLE somebody")
    assert report.left_out == ()
    assert ("somebody", ["password=p", "user=u"]) in found


def test_the_restore_of_such_a_backup_names_the_mappings(empty_database: Database) -> None:
    role: Role = empty_database.server.create_role(options="BYPASSRLS IN ROLE pg_read_all_data")
    empty_database.execute(
        "CREATE EXTENSION postgres_fdw; CREATE SERVER remote FOREIGN DATA WRAPPER postgres_fdw;"
        "CREATE USER MAPPING FOR PUBLIC SERVER remote OPTIONS (user 'x')"
    )
    source = a_source(empty_database.url_for(role), empty_database.name)
    _, report = copy_database(empty_database, "copied", source=source)
    assert [(one.kind, one.name) for one in report.left_out] == [
        ("user mapping options", "public at remote")
    ]


# ------------------------------------------------------------------ subscriptions, templates
@contextmanager
def without_subscriptions(*databases: Database) -> Iterator[None]:
    try:
        yield
    finally:
        for database in databases:
            with suppress(psycopg.Error):
                database.execute(
                    "ALTER SUBSCRIPTION feed DISABLE; ALTER SUBSCRIPTION feed SET (slot_name = NONE);"
                    "DROP SUBSCRIPTION feed"
                )


def test_a_subscription_that_is_disabled_afterwards_is_listed_with_the_sql(
    empty_database: Database,
) -> None:
    with without_subscriptions(empty_database, empty_database.server.database("restored")):
        empty_database.execute(
            "CREATE SUBSCRIPTION feed CONNECTION 'host=nowhere' PUBLICATION p WITH (connect = false)"
        )
        _, (skipped,) = restore(empty_database)
    assert (skipped.kind, skipped.name) == ("SUBSCRIPTION", "feed")
    # It was disabled before, too: nothing says that the restore did it.
    assert skipped.reason.startswith("it is disabled in the restored database;")
    assert 'ALTER SUBSCRIPTION "feed" ENABLE' in skipped.reason


def test_a_template_comes_back_as_one_also_by_a_swap(
    tmp_path: Path, empty_database: Database
) -> None:
    name, server = empty_database.name, empty_database.server
    maintenance = server.database("postgres")
    maintenance.execute(f'ALTER DATABASE "{name}" IS_TEMPLATE true')
    place = Workplace(tmp_path, empty_database.url)
    try:
        place.run("backup", "practice")
        place.run("restore", "latest", "--into-new", "copied")
        place.run("restore", "latest", "--swap", "--yes-replace", name)
        templates = "SELECT datname FROM pg_database WHERE datistemplate AND datname !~ '^template'"
        found = {row[0] for row in maintenance.execute(templates)}
    finally:
        for one in server.database_names():
            if not one.startswith("template"):
                maintenance.execute(f'ALTER DATABASE "{one}" IS_TEMPLATE false')
    assert {name, "copied"} < found


# ------------------------------------------------------------------ materialized views (row 25)
AWAY = """
CREATE EXTENSION postgres_fdw;
CREATE SERVER remote FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '{host}', port '{port}', dbname '{name}');
CREATE USER MAPPING FOR PUBLIC SERVER remote OPTIONS (user 'postgres', password '{password}');
CREATE FOREIGN TABLE far (id int) SERVER remote OPTIONS (schema_name 'public', table_name 'here');
CREATE MATERIALIZED VIEW of_far AS SELECT * FROM far;
CREATE MATERIALIZED VIEW above AS SELECT * FROM of_far;
CREATE MATERIALIZED VIEW other AS SELECT * FROM here;
ALTER SERVER remote OPTIONS (SET port '1')
"""


def test_a_view_over_a_server_that_is_away_stays_empty_and_every_row_comes_back(
    empty_database: Database,
) -> None:
    with empty_database.connect() as connection:
        host, port = connection.info.host, connection.info.port
    password = empty_database.server.cluster.password
    empty_database.execute("CREATE TABLE here AS SELECT generate_series(1, 7) AS id")
    empty_database.execute(
        AWAY.format(host=host, port=port, name=empty_database.name, password=password)
    )
    copier = Copier.of(empty_database)
    report = copier.restore(copier.back_up(), "copied", empty_database.server)
    assert [(one.kind, one.name) for one in report.skipped] == [
        ("MATERIALIZED VIEW DATA", "public.of_far"),
        ("MATERIALIZED VIEW DATA", "public.above"),
    ]
    assert "could not connect" in report.skipped[0].reason
    copied = empty_database.server.database("copied")
    assert copied.execute("SELECT count(*) FROM here, other") == [(49,)]
