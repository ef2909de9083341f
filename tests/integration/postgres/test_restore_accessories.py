"""What depends on roles and privileges comes back where it may, and is listed where it may not."""

from tests.support.postgres import Database
from tests.support.restoring import (
    being_restored,
    load,
    restore,
    take_plain_backup,
    with_properties,
)


def test_owners_and_grants_come_back_when_their_roles_exist(empty_database: Database):
    owner = empty_database.server.create_role("The Owner").name
    reader = empty_database.server.create_role("reader").name
    empty_database.execute(f"""
        CREATE SCHEMA s AUTHORIZATION "{owner}"; CREATE TABLE s.t (id serial, x int);
        CREATE FUNCTION s.f(a int, b text) RETURNS int LANGUAGE sql AS 'SELECT 1';
        ALTER TABLE s.t OWNER TO "{owner}"; ALTER FUNCTION s.f OWNER TO "{owner}";
        GRANT USAGE ON SCHEMA s TO {reader}; GRANT SELECT (id), UPDATE ON s.t TO {reader};
        ALTER DEFAULT PRIVILEGES FOR ROLE "{owner}" IN SCHEMA s GRANT SELECT ON TABLES TO {reader}""")
    restored, skipped = restore(empty_database)
    assert skipped == []
    for query in (
        "SELECT relname, relowner, relacl::text FROM pg_class WHERE relnamespace = 's'::regnamespace ORDER BY 1",
        "SELECT nspowner, nspacl::text FROM pg_namespace WHERE nspname = 's'",
        "SELECT proname, proowner FROM pg_proc WHERE pronamespace = 's'::regnamespace",
        "SELECT defaclrole, defaclacl::text FROM pg_default_acl",
        "SELECT attname, attacl::text FROM pg_attribute WHERE attrelid = 's.t'::regclass ORDER BY 1",
    ):
        assert restored.execute(query) == empty_database.execute(query), query


def test_missing_roles_are_listed_and_every_row_is_there(empty_database: Database):
    server = empty_database.server
    server.create_role("gone")
    stays = server.create_role("stays").name
    empty_database.execute(f"""
        CREATE TABLE "a;b" (i int); INSERT INTO "a;b" VALUES (1), (2); CREATE TABLE u (i int);
        ALTER TABLE u OWNER TO gone; GRANT SELECT ON "a;b" TO gone; GRANT ALL ON "a;b" TO {stays}""")
    backup = take_plain_backup(empty_database)
    empty_database.execute("REASSIGN OWNED BY gone TO postgres; DROP OWNED BY gone; DROP ROLE gone")
    with being_restored(empty_database, backup) as database:
        skipped = load(database, backup) + list(database.publish())
    missing = 'role "gone" does not exist'
    assert [str(entry) for entry in skipped] == [
        f'ACL public.TABLE "a;b": {missing} (SQLSTATE 42704)',
        f"OWNER gone: {missing} on the target server; 1 object stays with the restoring role",
    ]
    restored = server.database("restored")
    assert restored.execute('SELECT count(*) FROM "a;b"') == [(2,)]
    assert restored.execute(f"SELECT has_table_privilege('{stays}', '\"a;b\"', 'DELETE')") == [
        (True,)
    ]


def test_a_member_of_the_owners_gives_them_what_they_own_in_public(empty_database: Database):
    server = empty_database.server
    owner, other = server.create_role("db_owner"), server.create_role("other_owner")
    role = server.create_role(options=f"CREATEDB IN ROLE {owner.name}, {other.name}")
    empty_database.execute(f"""
        ALTER DATABASE {empty_database.name} OWNER TO {owner.name};
        CREATE TABLE of_owner (i int); ALTER TABLE of_owner OWNER TO {owner.name};
        GRANT CREATE ON SCHEMA public TO {other.name};
        CREATE TABLE of_other (i int); ALTER TABLE of_other OWNER TO {other.name}""")
    restored, skipped = restore(empty_database, role=role)
    assert skipped == []
    for query in (
        "SELECT tablename, tableowner FROM pg_tables WHERE schemaname = 'public' ORDER BY 1",
        "SELECT nspowner, nspacl::text FROM pg_namespace WHERE nspname = 'public'",
        "SELECT datdba FROM pg_database WHERE datname = current_database()",
    ):
        assert restored.execute(query) == empty_database.execute(query), query


PRIVILEGED = """
        CREATE EXTENSION pg_trgm; CREATE EXTENSION pageinspect;
        CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, x text);
        CREATE INDEX ON t USING gin (x public.gin_trgm_ops); INSERT INTO t (x) VALUES ('a'), ('b');
        ALTER TABLE t ENABLE ROW LEVEL SECURITY; ALTER TABLE t FORCE ROW LEVEL SECURITY;
        CREATE POLICY only_a ON t USING (x = 'a'); CREATE PUBLICATION everything FOR ALL TABLES;
        CREATE FUNCTION stop() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
        CREATE EVENT TRIGGER watched ON ddl_command_end EXECUTE FUNCTION stop();
        SELECT lo_from_bytea(5, decode(repeat('ab', 3000), 'hex')), lo_create(6)"""


def test_a_role_that_is_not_superuser_restores_all_data_and_lists_the_rest(
    empty_database: Database,
):
    role = empty_database.server.create_role(options="CREATEDB")
    empty_database.execute(PRIVILEGED)
    backup = take_plain_backup(empty_database)
    with being_restored(empty_database, backup, role=role) as database:
        skipped = load(database, backup)
        assert database.count_rows([data.table for data in backup.details.tables]) == [2]
        pages: list[bytes] = []
        database.read_large_objects(pages.append)
        assert b"".join(pages) == backup.large_objects
        skipped += database.publish()
    kinds = {entry.kind for entry in skipped}
    assert kinds == {"EXTENSION", "PUBLICATION", "EVENT TRIGGER", "OWNER", "COMMENT"}
    restored = empty_database.server.database("restored")
    assert restored.execute("SELECT * FROM t ORDER BY 1") == [(1, "a"), (2, "b")]
    assert restored.execute(
        "SELECT relrowsecurity, relforcerowsecurity FROM pg_class WHERE oid = 't'::regclass"
    ) == [(True, True)]


def test_the_superuser_brings_publications_comments_and_event_triggers(empty_database: Database):
    empty_database.execute("""
        CREATE TABLE t (i int); COMMENT ON COLUMN t.i IS 'a number'; INSERT INTO t VALUES (1);
        CREATE PUBLICATION p FOR TABLE t WHERE (i > 0);
        CREATE FUNCTION no() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN RAISE ''no DDL''; END';
        CREATE EVENT TRIGGER frozen ON ddl_command_start EXECUTE FUNCTION no();
        COMMENT ON EVENT TRIGGER frozen IS 'nothing changes here'""")
    restored, skipped = restore(empty_database)
    assert skipped == []
    for query in (
        "SELECT pubname, tablename, rowfilter FROM pg_publication_tables",
        "SELECT evtname, evtenabled, obj_description(oid, 'pg_event_trigger') FROM pg_event_trigger",
        "SELECT col_description('t'::regclass, 1)",
    ):
        assert restored.execute(query) == empty_database.execute(query), query


def test_database_settings_grants_comment_and_limit_come_back(empty_database: Database):
    server, name = empty_database.server, empty_database.name
    owner, guest = server.create_role("db owner"), server.create_role("guest")
    empty_database.execute(f"""
        ALTER DATABASE {name} SET search_path = app, "$user", "we,ird"; ALTER DATABASE {name} SET
        app.tenant = 'it''s'; ALTER DATABASE {name} SET default_transaction_read_only = on;
        ALTER ROLE guest IN DATABASE {name} SET work_mem = '9MB'; REVOKE ALL ON DATABASE {name} FROM
        PUBLIC; GRANT CONNECT ON DATABASE {name} TO guest WITH GRANT OPTION; COMMENT ON DATABASE
        {name} IS 'it''s ours'; ALTER DATABASE {name} CONNECTION LIMIT 42;
        SET default_transaction_read_only = off; ALTER DATABASE {name} OWNER TO "{owner.name}" """)
    with empty_database.connect() as connection:
        connection.execute("SET default_transaction_read_only = off; SET search_path = public")
        connection.execute(
            "CREATE MATERIALIZED VIEW m AS SELECT current_setting('app.tenant') AS t"
        )
    restored, skipped = restore(empty_database, final_name='The "New" one')
    assert skipped == []
    assert restored.execute("SELECT t FROM public.m") == [("it's",)]
    query = """SELECT datdba, datacl::text, datconnlimit, shobj_description(d.oid, 'pg_database'),
      array(SELECT (setrole, c) FROM pg_db_role_setting s, unnest(setconfig) c WHERE setdatabase = d.oid
      ORDER BY 1)::text FROM pg_database d WHERE datname = current_database()"""
    assert restored.execute(query) == empty_database.execute(query)
    assert guest.name in restored.execute(query)[0][1]


def test_a_database_open_to_everybody_is_open_again_only_after_publish(empty_database: Database):
    role = empty_database.server.create_role()
    query = f"SELECT datname FROM pg_database WHERE has_database_privilege('{role.name}', oid, 'CONNECT')"
    backup = take_plain_backup(empty_database)
    with being_restored(empty_database, backup) as database:
        load(database, backup)
        before = empty_database.execute(query)
        database.publish()
    after = empty_database.execute(query)
    assert set(after) - set(before) == {("restored",)}
    assert ("restoring 'it' now",) not in before


def test_a_missing_tablespace_and_owner_are_listed(empty_database: Database):
    backup = with_properties(
        take_plain_backup(empty_database),
        tablespace="fast",
        owner="nobody here",
        acl=("=c/nobody here", '"nobody here"=CTc/nobody here', '"a guest"=c/nobody here'),
    )
    with being_restored(empty_database, backup) as database:
        skipped = load(database, backup) + list(database.publish())
    assert [(entry.kind, entry.name) for entry in skipped] == [
        ("TABLESPACE", "fast"),
        ("ACL", 'CONNECT on DATABASE "restored" to a guest'),
        ("OWNER", "nobody here"),
    ]
