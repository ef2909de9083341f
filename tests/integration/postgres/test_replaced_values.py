"""Values of columns that a backup does not have are never lost without somebody's consent."""

from pathlib import Path

import pytest

from tests.support.command_line import Workplace
from tests.support.postgres import Database
from tests.support.replacing import a_table, look, wanted

T = wanted(a_table("t", id="integer"))
ROWS = "CREATE TABLE t (id int); INSERT INTO t VALUES (1), (2);"


def findings(database: Database) -> tuple[int, int]:
    plan = look(database, T)
    assert plan.obstacles == ()
    return len(plan.differences), len(plan.losses)


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE t ADD c int",
        "ALTER TABLE t ADD c int NOT NULL DEFAULT 7",
        "ALTER TABLE t ADD c text DEFAULT 'it''s'; INSERT INTO t VALUES (3, 'it''s')",
        "ALTER TABLE t ADD c json DEFAULT '{}'",
        "ALTER TABLE t ADD c numeric(5,2) DEFAULT -1.5",
        "ALTER TABLE t ADD c text[] DEFAULT '{}'",
        "ALTER TABLE t ADD c boolean DEFAULT false",
        "ALTER TABLE t ADD c int GENERATED ALWAYS AS (id + 1) STORED",
    ],
)
def test_a_new_column_that_nobody_filled_is_harmless(empty_database: Database, change: str):
    empty_database.execute(f"{ROWS} {change}")
    assert findings(empty_database)[1] == 0


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE t ADD c int; UPDATE t SET c = 1 WHERE id = 2",
        "ALTER TABLE t ADD c int DEFAULT 7; UPDATE t SET c = NULL WHERE id = 2",
        "ALTER TABLE t ADD c text DEFAULT 'x'; UPDATE t SET c = 'y' WHERE id = 2",
        "ALTER TABLE t ADD c json DEFAULT '{}'; UPDATE t SET c = '[]' WHERE id = 2",
        "ALTER TABLE t ADD c timestamptz DEFAULT now()",
        "ALTER TABLE t ADD c serial",
        "ALTER TABLE t ADD c int GENERATED ALWAYS AS IDENTITY",
        "ALTER TABLE t ADD c int GENERATED ALWAYS AS (1) STORED; ALTER TABLE t ALTER c DROP EXPRESSION",
    ],
)
def test_a_new_column_with_values_of_its_own_needs_consent(empty_database: Database, change: str):
    empty_database.execute(f"{ROWS} {change}")
    assert findings(empty_database) == (0, 1)
    drawn = "SELECT last_value FROM pg_sequences WHERE last_value > 2"
    assert empty_database.execute(drawn) == []


@pytest.fixture
def place(tmp_path: Path, empty_database: Database) -> Workplace:
    empty_database.execute(
        "CREATE TABLE t (id int, twice int GENERATED ALWAYS AS (id * 2) STORED);"
        "INSERT INTO t VALUES (1)"
    )
    place = Workplace(tmp_path, empty_database.url)
    place.run("backup", "practice")
    return place


def test_a_column_that_was_generated_needs_consent_even_if_it_is_empty(
    place: Workplace, empty_database: Database
):
    empty_database.execute("ALTER TABLE t ALTER twice DROP EXPRESSION; DELETE FROM t")
    name = empty_database.name
    command = ("restore", "latest", "--into-existing", name, "--table", "public.t")
    for more in (("--dry-run",), ("--yes-replace", name)):
        err = place.run(*command, *more, expect=4).err
        assert "public.t.twice was generated and is not any more" in err
        assert "add --accept-lost-values" in err
    assert empty_database.execute("SELECT * FROM t") == []
    place.run(*command, "--yes-replace", name, "--accept-lost-values")
    assert empty_database.execute("SELECT * FROM t") == [(1, None)]
