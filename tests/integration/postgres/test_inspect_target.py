"""A dry run names what a server lacks, and creates nothing."""

import os
from dataclasses import replace

from orchestrator.engines.postgres.restore.inspecting import PostgresTargetInspector
from orchestrator.model.contents import Role as RecordedRole
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
    roles: tuple[RecordedRole, ...] = (),
) -> TargetFindings:
    request = a_request(source, final_name=name, role=role)
    request = replace(request, ownership=ownership or Ownership(), roles=roles)
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


NAMED = """
CREATE ROLE "an owner"; CREATE ROLE member; CREATE ROLE "TO ""me"; CREATE ROLE reader; CREATE ROLE night;
CREATE TABLE t (id int); ALTER TABLE t OWNER TO "an owner"; ALTER TABLE t ENABLE ROW LEVEL SECURITY;
CREATE POLICY "p TO x" ON t AS RESTRICTIVE FOR SELECT TO member, "TO ""me" USING (true);
CREATE POLICY everybody ON t USING (true); GRANT SELECT (id) ON t TO reader, member;
ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO reader; GRANT CREATE ON DATABASE "{0}" TO night;
ALTER ROLE night IN DATABASE "{0}" SET work_mem = '8MB'; SELECT lo_create(4711);
ALTER LARGE OBJECT 4711 OWNER TO night
"""
GONE = """
DROP POLICY "p TO x" ON t; ALTER TABLE t OWNER TO postgres; SELECT lo_unlink(4711);
DROP OWNED BY "an owner", member, "TO ""me", reader, night;
DROP ROLE "an owner", member, "TO ""me", reader, night
"""


def with_missing_roles(source: Database) -> PlainBackup:
    source.execute(NAMED.format(source.name))
    backup = take_plain_backup(source)
    source.execute(GONE)
    return backup


IN_THE_WAY = (
    'role TO "me: a row security policy names it, and cannot be made without it (--with-roles)',
    "role member: a row security policy names it, and cannot be made without it (--with-roles)",
)


def test_every_missing_role_is_named_with_what_it_is_needed_for(empty_database: Database):
    backup = with_missing_roles(empty_database)
    found = inspect(empty_database, backup)
    assert found.obstacles == IN_THE_WAY
    assert found.missing == (
        "role an owner: what it owns would stay with postgres",
        "role member: grants that name it",
        "role night: what it owns would stay with postgres; grants that name it; its settings",
        "role reader: grants that name it",
    )
    bare = inspect(
        empty_database, backup, ownership=Ownership(keep_owners=False, keep_grants=False)
    )
    assert (bare.obstacles, bare.missing) == (IN_THE_WAY, ("role night: its settings",))


def test_roles_that_would_be_made_are_no_longer_missing(empty_database: Database):
    backup = with_missing_roles(empty_database)
    names = ("an owner", "member", 'TO "me', "reader", "night", "unused", "postgres")
    roles = tuple(a_recorded_role(name) for name in names)
    with_roles = Ownership(with_roles=True)
    found = inspect(empty_database, backup, ownership=with_roles, roles=roles)
    assert (found.obstacles, found.missing) == ((), ())
    assert found.made == ("an owner", "member", 'TO "me', "reader", "night", "unused")
    weak = empty_database.server.create_role(options="CREATEDB")
    powerless = inspect(empty_database, backup, role=weak, ownership=with_roles, roles=roles)
    assert powerless.made == ()
    assert powerless.obstacles == IN_THE_WAY
    because = f"it would not be made, because {weak.name} may not create roles"
    assert f"role reader: {because}" in powerless.missing


def a_recorded_role(name: str) -> RecordedRole:
    return RecordedRole(
        name=name,
        attributes={},
        connection_limit=-1,
        valid_until=None,
        member_of=(),
        settings=(),
        comment=None,
    )
