"""Exchanging databases by the command: nothing less than what was there, unless somebody agreed."""

import json
from pathlib import Path

import pytest

from tests.support.command_line import POLICY, Result, Workplace
from tests.support.postgres import Database, Role, Server

WITH_RESTORER = POLICY.replace(
    "lock_timeout: 3s", 'lock_timeout: 3s\n      restore_url: "${env:RESTORE_URL}"'
)
SCHEMA = """
SET ROLE app_owner;
CREATE TABLE notes (id int PRIMARY KEY, text text); CREATE TABLE sessions (id int);
INSERT INTO notes VALUES (1, 'first'); INSERT INTO sessions SELECT generate_series(1, 501)
"""


@pytest.fixture
def app(postgres_server: Server) -> Database:
    postgres_server.create_role("app_owner")
    database = postgres_server.create_database("app", options="OWNER app_owner")
    database.execute("GRANT CREATE ON SCHEMA public TO app_owner")
    database.execute(SCHEMA)
    return database


@pytest.fixture
def restorer(app: Database) -> Role:
    role = app.server.create_role("restorer", options="CREATEDB")
    app.execute("GRANT app_owner TO restorer")
    return role


@pytest.fixture
def place(tmp_path: Path, app: Database, restorer: Role) -> Workplace:
    return a_place(tmp_path, app, restorer)


def a_place(root: Path, app: Database, restorer: Role, *, tables: str = "") -> Workplace:
    policy = WITH_RESTORER.replace("    schedules:\n", f"{tables}    schedules:\n")
    return Workplace(root, app.url, policy=policy, extra={"RESTORE_URL": app.url_for(restorer)})


def swap(place: Workplace, *more: str, expect: int = 0) -> Result:
    return place.run("restore", "latest", "--swap", *more, "--yes-replace", "app", expect=expect)


def beside(app: Database, part: str) -> list[str]:
    return [name for name in app.server.database_names() if part in name]


def notes(database: Database) -> list[object]:
    return [row[0] for row in database.execute("SELECT id FROM notes ORDER BY 1")]


# ------------------------------------------------------------------ what the new one would lack
@pytest.fixture
def out_of_reach(app: Database, restorer: Role) -> None:
    """An owner that the restoring role is no member of, and an extension for superusers."""
    app.server.create_role("svc")
    app.execute(
        "CREATE TABLE of_svc (id int); ALTER TABLE of_svc OWNER TO svc;"
        f"GRANT SELECT ON of_svc TO {restorer.name}; CREATE EXTENSION amcheck"
    )


@pytest.mark.usefixtures("out_of_reach")
def test_a_dry_run_says_what_the_new_database_would_lack(place: Workplace, app: Database):
    place.run("backup", "practice")
    result = swap(place, "--dry-run", expect=4)
    assert "would be left out: role svc" in result.err
    assert "would be left out: extension amcheck" in result.err
    assert "--accept-left-out" in result.err
    swap(place, "--dry-run", "--accept-left-out")
    document = swap(place, "--dry-run", "--accept-left-out", "--json").document
    assert [one.split(":")[0] for one in document["missing"]] == ["role svc", "extension amcheck"]
    assert beside(app, "app_") == []


@pytest.mark.usefixtures("out_of_reach")
def test_a_database_that_would_lack_something_is_not_built(place: Workplace, app: Database):
    place.run("backup", "practice")
    swap(place, expect=4)
    assert beside(app, "app_") == []
    result = swap(place, "--accept-left-out")
    assert "left out: EXTENSION amcheck" in result.err
    assert len(beside(app, "app_before_")) == 1


def test_a_database_that_turned_out_to_lack_something_keeps_its_own_name(
    place: Workplace, app: Database
):
    # Nothing tells beforehand that the restoring role may not change this setting.
    app.execute("ALTER DATABASE app SET log_min_duration_statement = 0")
    place.run("backup", "practice")
    app.execute("INSERT INTO notes VALUES (2, 'second')")
    result = swap(place, expect=4)
    (restored,) = beside(app, "app_restored_")
    assert "DATABASE SETTING log_min_duration_statement" in result.err
    assert f"'{restored}'" in result.err
    assert f'DROP DATABASE "{restored}"' in result.err
    assert notes(app.server.database(restored)) == [1]
    assert (notes(app), beside(app, "app_before_")) == ([1, 2], [])


def test_the_same_backup_is_swapped_in_once_what_stayed_was_dropped(
    place: Workplace, app: Database
):
    app.execute("ALTER DATABASE app SET log_min_duration_statement = 0")
    place.run("backup", "practice")
    swap(place, expect=4)
    (restored,) = beside(app, "app_restored_")
    assert f'DROP DATABASE "{restored}"' in swap(place, "--accept-left-out", expect=4).err
    app.server.database("postgres").execute(f'DROP DATABASE "{restored}"')
    result = swap(place, "--accept-left-out")
    assert "left out: DATABASE SETTING log_min_duration_statement" in result.err


# ------------------------------------------------------------------ what the backup never had
EXCLUDED = '    tables: {exclude: ["public.sessions"]}\n'


@pytest.fixture
def without_sessions(tmp_path: Path, app: Database, restorer: Role) -> Workplace:
    place = a_place(tmp_path, app, restorer, tables=EXCLUDED)
    place.run("backup", "practice")
    app.execute("INSERT INTO notes VALUES (2, 'second')")
    return place


def test_tables_that_the_policy_excludes_are_not_emptied_in_silence(
    without_sessions: Workplace, app: Database
):
    for more in ((), ("--dry-run",)):
        result = swap(without_sessions, *more, expect=4)
        assert "public.sessions: 501 rows" in result.err
        assert "--accept-empty-tables" in result.err
        assert app.execute("SELECT count(*) FROM sessions") == [(501,)]
    assert beside(app, "app_") == []


def test_excluded_tables_are_told_from_what_was_written_since(
    without_sessions: Workplace, app: Database
):
    document = swap(without_sessions, "--accept-empty-tables", "--json").document
    assert document["changed"] == [{"table": "public.notes", "rows_then": 1, "rows_now": 2}]
    assert document["not_backed_up"] == [{"table": "public.sessions", "rows_now": 501}]
    assert app.execute("SELECT count(*) FROM sessions") == [(0,)]


def test_an_empty_excluded_table_stops_nobody(without_sessions: Workplace, app: Database):
    app.execute("DELETE FROM sessions")
    result = swap(without_sessions)
    assert "public.notes: 2 rows, 1 in the backup (+1)" in result.out
    assert "public.sessions" not in result.out


# ------------------------------------------------------------------ counting
def test_a_role_that_cannot_count_is_refused_before_anything_is_built(
    place: Workplace, app: Database
):
    app.server.create_role("svc")
    app.execute("CREATE TABLE of_svc (id int); ALTER TABLE of_svc OWNER TO svc")
    place.run("backup", "practice")
    result = swap(place, expect=4)
    assert 'GRANT SELECT ON TABLE "public"."of_svc" TO "restorer";' in result.err
    assert beside(app, "app_") == []


# ------------------------------------------------------------------ afterwards
def test_the_next_backup_after_a_swap_is_not_suspicious(place: Workplace, app: Database):
    place.run("backup", "practice")
    swap(place)
    result = place.run("backup", "practice")
    assert "another one of the same name" not in result.err
    assert [one["suspicious"] for one in place.listed()] == [False, False]
    entries = place.run("log", "--json").document["entries"]
    said = [json.dumps(one) for one in entries if one["action"] == "restore"]
    assert any('"database_oid"' in one and '"kept_as"' in one for one in said)
    assert notes(app) == [1]


def test_a_database_that_was_exchanged_by_hand_is_suspicious(place: Workplace, app: Database):
    place.run("backup", "practice")
    app.server.database("postgres").execute("ALTER DATABASE app RENAME TO aside")
    app.server.create_database("app", template="aside")
    assert "another one of the same name" in place.run("backup", "practice", expect=3).err


def test_the_database_that_is_kept_becomes_no_series(tmp_path: Path, app: Database, restorer: Role):
    place = a_place(tmp_path, app, restorer)
    policy = place.policy.replace("      lock", '      databases: ["app*"]\n      lock', 1)
    place = Workplace(tmp_path, app.url, policy=policy, extra=place.extra)
    place.run("backup", "practice")
    swap(place)
    assert len(beside(app, "app_before_")) == 1
    place.run("apply")
    assert {one["database"] for one in place.listed()} == {"app"}


def test_whoever_is_connected_is_disconnected_once(place: Workplace, app: Database):
    place.run("backup", "practice")
    with app.connect() as session:
        session.execute("SELECT 1")
        # The superuser's own session: nobody else may end it, so the superuser restores.
        place.extra["RESTORE_URL"] = app.url
        result = swap(place)
    assert "1 session ended" in result.out
    assert notes(app) == [1]


def test_the_comment_of_the_database_goes_with_its_name(place: Workplace, app: Database):
    app.execute("COMMENT ON DATABASE app IS 'the books'")
    place.run("backup", "practice")
    swap(place)
    comments = dict(
        app.execute("SELECT datname, shobj_description(oid, 'pg_database') FROM pg_database")
    )
    (kept,) = beside(app, "app_before_")
    assert comments["app"] == "the books"
    assert comments[kept].endswith("its comment was: the books")


# ------------------------------------------------------------------ options
@pytest.mark.parametrize(
    ("way", "option"),
    [
        (("--into-new", "x"), ("--yes-replace", "x")),
        (("--into-new", "x"), ("--replace-published",)),
        (("--swap",), ("--replace-published",)),
        (("--into-new", "x"), ("--accept-left-out",)),
        (("--into-existing", "x"), ("--accept-empty-tables",)),
    ],
)
def test_an_option_that_would_do_nothing_is_refused(
    way: tuple[str, ...], option: tuple[str, ...], place: Workplace
):
    place.run("backup", "practice")
    assert option[0] in place.run("restore", "latest", *way, *option, expect=64).err
