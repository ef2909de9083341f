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
