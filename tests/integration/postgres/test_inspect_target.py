"""A dry run names what a server lacks, and creates nothing."""

import os
from dataclasses import replace

from orchestrator.engines.postgres.restore.inspecting import PostgresTargetInspector
from orchestrator.ports.engine import Ownership
from orchestrator.ports.restoring.target_inspection import TargetFindings
from tests.support.postgres import Database, Role
from tests.support.restoring import PlainBackup, a_request, take_plain_backup, with_properties

INSPECTOR = PostgresTargetInspector(environment=dict(os.environ))


def inspect(
    source: Database,
    backup: PlainBackup,
    *,
    name: str = "restored",
    role: Role | None = None,
    ownership: Ownership | None = None,
) -> TargetFindings:
    request = a_request(source, final_name=name, role=role)
    request = replace(request, ownership=ownership or Ownership())
    return INSPECTOR.inspect(request, backup.details, backup.archive)


def test_missing_owners_are_named_unless_they_get_another_name(empty_database: Database):
    empty_database.execute(
        "CREATE TABLE t (id int); CREATE ROLE ghost; ALTER TABLE t OWNER TO ghost"
    )
    backup = take_plain_backup(empty_database)
    empty_database.execute("ALTER TABLE t OWNER TO postgres; DROP ROLE ghost")
    assert inspect(empty_database, backup).missing == (
        "role ghost: what it owns would stay with postgres",
    )
    renamed = Ownership(renamed={"ghost": "postgres"})
    assert inspect(empty_database, backup, ownership=renamed).missing == ()
    assert inspect(empty_database, backup, ownership=Ownership(keep_owners=False)).missing == ()


def test_a_taken_name_and_a_missing_privilege_are_in_the_way(empty_database: Database):
    backup = take_plain_backup(empty_database)
    role = empty_database.server.create_role()
    found = inspect(empty_database, backup, name=empty_database.name, role=role).obstacles
    assert [words for words in found if "is a database" in words or "may not create" in words] == [
        *found
    ]
    assert len(found) == 2


def test_locales_tablespaces_and_providers_are_looked_for(empty_database: Database):
    backup = take_plain_backup(empty_database)
    foreign = with_properties(backup, collate="xx_XX.UTF-8", tablespace="fast disk")
    missing = inspect(empty_database, foreign).missing
    assert ["xx_XX" in missing[0], "fast disk" in missing[1]] == [True, True]
    runes = with_properties(backup, locale_provider="runes")
    assert "runes" in inspect(empty_database, runes).obstacles[0]


def test_a_database_that_can_be_restored_lacks_nothing(empty_database: Database):
    found = inspect(empty_database, take_plain_backup(empty_database))
    assert (found.obstacles, found.missing) == ((), ())
    assert empty_database.server.database_names().count("restored") == 0


def test_owners_and_extensions_out_of_reach_of_the_role_are_named(empty_database: Database):
    server = empty_database.server
    owner, stranger = server.create_role(), server.create_role()
    role = server.create_role(options="CREATEDB")
    empty_database.execute(
        f'ALTER DATABASE "{empty_database.name}" OWNER TO {owner.name};'
        f"GRANT {owner.name} TO {role.name}; CREATE EXTENSION hstore; CREATE EXTENSION amcheck;"
        f"CREATE TABLE t (id int); ALTER TABLE t OWNER TO {stranger.name}"
    )
    backup = take_plain_backup(empty_database)
    grant = f'GRANT "{stranger.name}" TO "{role.name}"'
    stays = f"what it owns would stay with {role.name}, who is no member ({grant})"
    assert inspect(empty_database, backup, role=role).missing == (
        f"role {stranger.name}: {stays}",
        f"extension amcheck: only a superuser may create it, and {role.name} is none",
    )
    assert inspect(empty_database, backup).missing == ()
