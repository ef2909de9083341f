"""What the restoring role lacks is said before anything is locked, as SQL that gives it all."""

import pytest

from orchestrator.model.contents import SequenceState, TableName
from orchestrator.ports.restoring.existing_database import Wanted
from tests.support.postgres import Database, Role
from tests.support.replacing import a_table, opened, replace_rows, wanted

PLAIN = "CREATE SCHEMA app; CREATE TABLE app.t (id int); SET search_path = app;"
T = wanted(a_table("t", schema="app", id="integer"))
WITH_SEQUENCE = wanted(
    a_table("t", schema="app", id="integer"),
    sequences=(SequenceState(name=TableName("app", "s"), last_value=9, is_called=True),),
)


def lacking(database: Database, what: Wanted, role: Role) -> str:
    with opened(database, role) as existing:
        return " ".join(existing.look(what).obstacles)


@pytest.mark.parametrize(
    ("schema", "what"),
    [
        ("", T),
        ("CREATE TABLE u (id int PRIMARY KEY); ALTER TABLE t ADD FOREIGN KEY (id) REFERENCES u", T),
        ("ALTER TABLE t ADD UNIQUE (id); CREATE TABLE u (id int REFERENCES t (id))", T),
        ("ALTER TABLE t ENABLE ROW LEVEL SECURITY", T),
        ("CREATE SEQUENCE s; ALTER TABLE t ALTER id SET DEFAULT nextval('s')", WITH_SEQUENCE),
    ],
    ids=["a table", "a key that leads out", "a key that leads in", "row security", "a sequence"],
)
def test_what_is_said_to_be_lacking_is_all_that_it_takes(
    empty_database: Database, schema: str, what: Wanted
):
    empty_database.execute(f"{PLAIN} {schema}")
    role = empty_database.server.create_role()
    for _ in range(5):  # without the right to use a schema, more cannot be seen
        words = lacking(empty_database, what, role)
        if not words:
            break
        assert words.startswith("the restoring role may not do it")
        empty_database.execute(words.partition("as a superuser: ")[2])
    assert words == ""
    replace_rows(empty_database, what, {"t": ""}, role=role)


def test_the_owner_of_everything_lacks_nothing(empty_database: Database):
    role = empty_database.server.create_role()
    empty_database.execute(
        f'{PLAIN} ALTER TABLE t OWNER TO "{role.name}"; GRANT USAGE ON SCHEMA app TO "{role.name}"'
    )
    assert lacking(empty_database, T, role) == ""
