"""Chosen tables come with all that they need, and say what could not come (postgres.md §1, rule 6)."""

import os
from dataclasses import replace

import pytest

from orchestrator.engines.postgres.backup.tables.resolve import Resolved
from orchestrator.engines.postgres.restore.target import PostgresTarget
from orchestrator.execution.restore.material import fetch_material
from orchestrator.execution.restore.restore_backup import RestoreChoices, restore_into_new
from orchestrator.model.contents import Partition, SkippedEntry, TableName
from orchestrator.model.secret import Secret
from orchestrator.ports.engine import Ownership
from tests.support.copying import Copier
from tests.support.postgres import Database
from tests.support.restoring import a_request, load, restore, take_plain_backup

SCHEMA = """
CREATE EXTENSION citext;
CREATE TYPE mood AS ENUM ('calm');
CREATE FUNCTION doubled(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1 * 2';
CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE SEQUENCE loose START 7;
CREATE TABLE others (id int PRIMARY KEY);
CREATE TABLE chosen (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, self int REFERENCES chosen,
  other int REFERENCES others, number int DEFAULT nextval('loose') CHECK (doubled(number) > 0),
  name citext UNIQUE, mood mood);
CREATE TABLE child () INHERITS (chosen);
CREATE INDEX by_double ON chosen (doubled(number));
CREATE TRIGGER stamps BEFORE INSERT ON chosen FOR EACH ROW EXECUTE FUNCTION stamp();
CREATE VIEW seen AS SELECT chosen.* FROM chosen JOIN others ON true;
CREATE TABLE parts (id int PRIMARY KEY) PARTITION BY RANGE (id);
CREATE TABLE part_1 PARTITION OF parts FOR VALUES FROM (0) TO (9);
INSERT INTO others VALUES (1); INSERT INTO chosen (other, name) VALUES (1, 'a');
INSERT INTO parts VALUES (1), (2);
"""


def restore_only(source: Database, *names: str) -> tuple[Database, list[SkippedEntry]]:
    source.execute(SCHEMA)
    backup = take_plain_backup(source)
    wanted = frozenset(TableName("public", name) for name in names)
    tables = tuple(d for d in backup.details.tables if d.table.name in wanted)
    details = replace(backup.details, tables=tables, large_objects=())
    request = replace(a_request(source), tables=wanted)
    target = PostgresTarget(environment=dict(os.environ))
    with target.create_database(request, details.properties) as database:
        skipped = [*database.restore_pre_data(backup.archive, details)]
        for data in tables:
            database.loaders[0].load_table(data.table, [backup.rows[data.table.name]])
        skipped += [*database.restore_post_data(backup.archive, details), *database.publish()]
    return Database(request.final_name, source.server), skipped


def relations(database: Database) -> set[str]:
    query = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
    return {name for (name,) in database.execute(f"{query} AND relkind IN ('r', 'p', 'v', 'S')")}


def test_a_table_comes_with_sequences_keys_triggers_and_types(empty_database: Database):
    restored, skipped = restore_only(empty_database, "chosen")
    assert relations(restored) == {"chosen", "chosen_id_seq", "loose"}
    restored.execute("INSERT INTO chosen (self, name, mood) VALUES (1, 'b', 'calm')")
    assert restored.execute("SELECT id, number FROM chosen ORDER BY 1") == [(1, 7), (2, 8)]
    assert restored.execute("SELECT tgname FROM pg_trigger WHERE NOT tgisinternal") == [("stamps",)]
    assert restored.execute("SELECT 1 FROM pg_class WHERE relname = 'by_double'") == [(1,)]
    words = "chosen_other_fkey: it needs public.others, which was not asked for"
    assert [str(entry) for entry in skipped] == [f"FK CONSTRAINT public.chosen {words}"]


def test_a_partitioned_table_comes_in_whole(empty_database: Database):
    restored, skipped = restore_only(empty_database, "parts", "part_1")
    assert restored.execute("SELECT count(*) FROM parts") == [(2,)]
    assert (relations(restored), skipped) == ({"parts", "part_1"}, [])


def test_a_parent_that_others_inherit_from_comes_along_empty_and_is_listed(
    empty_database: Database,
):
    restored, skipped = restore_only(empty_database, "child")
    assert "chosen" in relations(restored)
    assert restored.execute("SELECT count(*) FROM ONLY chosen") == [(0,)]
    words = "TABLE DATA public.chosen: it comes along empty, because public.child needs it"
    assert words in map(str, skipped)


TREE = """
CREATE TABLE parts (id int) PARTITION BY RANGE (id);
CREATE TABLE part_1 PARTITION OF parts FOR VALUES FROM (0) TO (9);
CREATE TABLE part_2 PARTITION OF parts FOR VALUES FROM (9) TO (99) PARTITION BY LIST (id);
CREATE TABLE part_2_rest PARTITION OF part_2 DEFAULT; INSERT INTO parts VALUES (1), (2), (10)
"""


def test_backups_that_record_one_level_of_partitions_have_all_of_them(
    empty_database: Database, monkeypatch: pytest.MonkeyPatch
):
    empty_database.execute(TREE)
    monkeypatch.setattr(Resolved, "partitions", ())
    copier = Copier.of(empty_database)
    backup = copier.back_up()
    assert fetch_material(backup, copier.execution).details.partitions == (
        Partition(TableName("public", "part_2"), TableName("public", "parts")),
    )
    choices = RestoreChoices(tables=("public.parts",))
    server = empty_database.server
    report = restore_into_new(
        backup,
        name="chosen",
        prove=True,
        server_url=Secret(server.url(), "the test"),
        execution=copier.execution,
        choices=choices,
    )
    assert (report.tables, report.rows, report.skipped) == (2, 3, ())
    assert server.database("chosen").execute("SELECT count(*) FROM parts") == [(3,)]


@pytest.mark.parametrize("validity", ["", "NOT VALID"])
def test_a_check_that_reads_another_table_comes_after_the_rows(
    empty_database: Database, validity: str
):
    empty_database.execute(
        "CREATE TABLE a (id int); CREATE TABLE z (id int); INSERT INTO z VALUES (1);"
        "CREATE FUNCTION known(int) RETURNS bool LANGUAGE sql AS"
        " 'SELECT EXISTS (SELECT FROM public.z WHERE id = $1)';"
        f"ALTER TABLE a ADD CONSTRAINT is_known CHECK (public.known(id)) {validity};"
        "COMMENT ON CONSTRAINT is_known ON a IS 'as z says'; INSERT INTO a VALUES (1)"
    )
    restored, skipped = restore(empty_database)
    query = (
        "SELECT pg_get_constraintdef(oid), convalidated, obj_description(oid) FROM pg_constraint"
        " WHERE conname = 'is_known'"
    )
    assert restored.execute(query) == empty_database.execute(query)
    assert (restored.execute("SELECT id FROM a"), skipped) == ([(1,)], [])


OWNED = """
CREATE ROLE "old owner"; CREATE ROLE fresh; CREATE ROLE reader; CREATE TABLE t (id int);
ALTER TABLE t OWNER TO "old owner"; GRANT SELECT ON t TO reader; SELECT lo_create(77)
"""


def restore_owned(source: Database, ownership: Ownership) -> tuple[object, ...]:
    source.execute(OWNED)
    source.execute(f'ALTER DATABASE "{source.name}" OWNER TO "old owner"')
    backup = take_plain_backup(source)
    request = replace(a_request(source), ownership=ownership)
    target = PostgresTarget(environment=dict(os.environ))
    with target.create_database(request, backup.details.properties) as database:
        load(database, backup)
        assert [*database.publish()] == []
    (found,) = Database(request.final_name, source.server).execute(
        "SELECT relowner::regrole::text, (SELECT datdba::regrole::text FROM pg_database WHERE"
        " datname = current_database()), has_table_privilege('reader', 't', 'SELECT')"
        " FROM pg_class WHERE relname = 't'"
    )
    return found


def test_an_owner_may_get_another_name(empty_database: Database):
    ownership = Ownership(renamed={"old owner": "fresh"})
    assert restore_owned(empty_database, ownership) == ("fresh", "fresh", True)


def test_owners_and_grants_may_be_left_out(empty_database: Database):
    ownership = Ownership(keep_owners=False, keep_grants=False)
    assert restore_owned(empty_database, ownership) == ("postgres", "postgres", False)
