"""Who restores, and whose it is then: `--with-roles` makes the roles that are missing, and nobody can log in as one of them."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.command_line import Workplace
from tests.support.postgres import Database

ROLES = """
SELECT rolname, rolcanlogin, rolsuper, rolpassword IS NULL FROM pg_authid
WHERE rolname IN ('the owner', 'reader', 'stays') ORDER BY 1
"""


@pytest.fixture
def place(tmp_path: Path, empty_database: Database) -> Workplace:
    server = empty_database.server
    for name, options in (("the owner", "SUPERUSER"), ("reader", ""), ("stays", "")):
        server.create_role(name, options=options)
    empty_database.execute(
        'GRANT "the owner" TO reader; GRANT stays TO reader; CREATE TABLE t (id int);'
        'ALTER TABLE t OWNER TO "the owner"; GRANT SELECT ON t TO reader;'
        "ALTER TABLE t ENABLE ROW LEVEL SECURITY; CREATE POLICY own ON t TO reader USING (true)"
    )
    place = Workplace(tmp_path, empty_database.url)
    place.run("backup", "practice")
    empty_database.execute(
        'DROP POLICY own ON t; ALTER TABLE t OWNER TO postgres; DROP OWNED BY "the owner", reader;'
        'DROP ROLE reader; DROP ROLE "the owner"'
    )
    return place


def test_missing_roles_are_made_without_login_password_or_power(
    place: Workplace, empty_database: Database
) -> None:
    result = place.run("restore", "latest", "--into-new", "restored", "--with-roles")
    assert "made the role 'the owner', which cannot log in and has no password" in result.err
    assert "'stays'" not in result.err.replace("not a member of 'stays'", "")
    assert "not a member of 'stays'" in result.err
    assert empty_database.execute(ROLES) == [
        ("reader", False, False, True),
        ("stays", True, False, False),
        ("the owner", False, False, True),
    ]
    (found,) = empty_database.server.database("restored").execute(
        "SELECT relowner::regrole::text, has_table_privilege('reader', 't', 'SELECT'),"
        " pg_has_role('reader', 'the owner', 'MEMBER') FROM pg_class WHERE relname = 't'"
    )
    assert found == ('"the owner"', True, True)


def test_a_definition_whose_role_is_missing_says_how_it_can_be_made(place: Workplace) -> None:
    said = place.run("restore", "latest", "--into-new", "restored", expect=1).err
    assert 'role "reader" does not exist' in said
    assert (
        'create the role "reader" on the target server, or restore again with --with-roles' in said
    )


def test_roles_are_made_for_new_databases_alone(place: Workplace, empty_database: Database) -> None:
    into = ("restore", "latest", "--into-existing", empty_database.name)
    assert "--with-roles" in place.run(*into, "--with-roles", expect=64).err
    assert empty_database.server.database("restored").name not in (
        empty_database.server.database_names()
    )


def test_a_restore_by_a_superuser_says_what_that_means(
    place: Workplace, empty_database: Database
) -> None:
    restore = ("restore", "latest", "--with-roles", "--into-new")
    said = place.run(*restore, "powerful")
    assert "restoring_as_superuser" in said.err
    assert "name a role with CREATEDB" in said.err
    role = empty_database.server.create_role(options="CREATEDB")
    url = f"postgresql://{role.name}@127.0.0.1:{empty_database.server.cluster.port}/postgres"
    passfile = place.root / "passfile"
    passfile.write_text(f"*:*:*:{role.name}:{role.password}\n")
    passfile.chmod(0o600)
    with_password = replace(place, extra={"PGPASSFILE": str(passfile)})
    said = with_password.run(*restore, "weak", "--at-server", url, expect=3)
    assert "restoring_as_superuser" not in said.err


def test_a_dry_run_says_which_roles_are_in_the_way_and_which_would_be_made(
    place: Workplace,
) -> None:
    ahead = ("restore", "latest", "--into-new", "restored", "--dry-run")
    refused = place.run(*ahead, expect=4)
    assert "role reader: a row security policy names it" in refused.err
    assert "would be left out: role the owner: what it owns would stay with postgres" in refused.out
    made = place.run(*ahead, "--with-roles")
    assert "would be made: role reader, which cannot log in and has no password" in made.out
    assert "would be made: role the owner" in made.out
    assert "would be left out" not in made.out
    document = place.run(*ahead, "--with-roles", "--json").document
    assert (document["made"], document["missing"]) == (["reader", "the owner"], [])


def test_a_failed_restore_names_the_roles_that_it_made(
    place: Workplace, empty_database: Database
) -> None:
    empty_database.execute(
        "CREATE TABLE v (id int PRIMARY KEY); CREATE TABLE u (id int REFERENCES v); CREATE ROLE late;"
        "SET session_replication_role = replica; INSERT INTO u VALUES (1)"
    )
    place.run("backup", "practice")
    empty_database.execute("DROP ROLE late")
    said = place.run("restore", "latest", "--into-new", "restored", "--with-roles", expect=1).err
    assert "FK CONSTRAINT public.u u_id_fkey could not be restored" in said
    assert "made the role 'late', which cannot log in and has no password" in said


@pytest.mark.parametrize("dry_run", [(), ("--dry-run",)])
def test_an_owner_that_the_backup_does_not_have_is_refused(
    place: Workplace, empty_database: Database, dry_run: tuple[str, ...]
) -> None:
    restore = ("restore", "latest", "--into-new", "restored", "--with-roles", *dry_run)
    refused = place.run(*restore, "--owner", "an owner=stays", expect=64).err
    assert "the backup has no owner 'an owner'" in refused
    assert "it has 'postgres', 'the owner'" in refused
    assert not [n for n in empty_database.server.database_names() if n.startswith("restored")]
    place.run(*restore, "--owner", "the owner=stays")


def test_owners_are_renamed_once_and_only_where_owners_are_kept(place: Workplace) -> None:
    restore = ("restore", "latest", "--into-new", "restored", "--owner", "the owner=stays")
    refused = place.run(*restore, "--no-owner", expect=64)
    assert "--owner does nothing with --no-owner" in refused.err
    refused = place.run(*restore, "--owner", "the owner=postgres", expect=64)
    assert "--owner names 'the owner' twice" in refused.err
