"""Replacing tables by the command: asked for, saved, said."""

import json
from pathlib import Path

import pytest

from orchestrator.archive.compression import decompress_blocks
from tests.support.command_line import Workplace
from tests.support.postgres import Database

SCHEMA = """
CREATE TABLE notes (id int PRIMARY KEY, text text);
CREATE TABLE links (note int REFERENCES notes);
INSERT INTO notes VALUES (1, 'first'); INSERT INTO links VALUES (1)
"""


@pytest.fixture
def place(tmp_path: Path, empty_database: Database) -> Workplace:
    empty_database.execute(SCHEMA)
    place = Workplace(tmp_path, empty_database.url)
    place.run("backup", "practice")
    empty_database.execute("INSERT INTO notes VALUES (2, 'second')")
    return place


def notes(database: Database) -> list[object]:
    return [row[0] for row in database.execute("SELECT id FROM notes ORDER BY 1")]


def replace(place: Workplace, name: str, *more: str, expect: int = 0) -> tuple[str, str]:
    result = place.run(
        *("restore", "latest", "--into-existing", name, "--table", "public.notes", *more),
        expect=expect,
    )
    return result.out, result.err


def test_nothing_happens_without_the_name(place: Workplace, empty_database: Database):
    _, err = replace(place, empty_database.name, expect=4)
    assert f"--yes-replace {empty_database.name}" in err
    replace(place, empty_database.name, "--yes-replace", "another", expect=4)
    assert (notes(empty_database), len(place.listed())) == ([1, 2], 1)


def test_the_source_is_saved_as_a_held_backup_of_the_series(
    place: Workplace, empty_database: Database
):
    name = empty_database.name
    out, err = replace(place, name, "--yes-replace", name)
    saved = place.listed()[0]  # newest first; ids of one second have no order
    assert f"backup {saved['id']}" in out
    assert "the SOURCE of policy 'practice'" in err
    assert (saved["rows"], len(saved["holds"])) == (3, 1)
    assert notes(empty_database) == [1]


def test_another_database_is_saved_with_every_column_that_it_has_now(
    place: Workplace, empty_database: Database
):
    other = empty_database.server.create_database(template=empty_database.name)
    other.execute("ALTER TABLE notes ADD later text DEFAULT 'x'")
    replace(place, other.name, "--yes-replace", other.name, "--prove")
    (folder,) = (place.root / ".orchestrator" / "safety").iterdir()
    (table,) = json.loads((folder / "contents.json").read_bytes())["tables"]
    text = b"".join(decompress_blocks((folder / table["pieces"][0]["file"]).read_bytes()))
    assert table["columns"] == ["id", "text", "later"]
    assert text == b"1\tfirst\tx\n2\tsecond\tx\n"
    assert (notes(other), notes(empty_database)) == ([1], [1, 2])


def test_a_refused_replacement_leaves_no_copy_and_no_change(
    place: Workplace, empty_database: Database
):
    other = empty_database.server.create_database(template=empty_database.name)
    other.execute("INSERT INTO links VALUES (2)")
    _, err = replace(place, other.name, "--yes-replace", other.name, expect=1)
    assert "links_note_fkey of public.links" in err
    assert notes(other) == [1, 2]
    assert [path for path in place.root.rglob("safety/**/*") if path.is_file()] == []


def test_published_tables_wait_for_their_flag(place: Workplace, empty_database: Database):
    name = empty_database.name
    empty_database.execute("CREATE PUBLICATION news FOR TABLE notes")
    _, err = replace(place, name, "--yes-replace", name, expect=4)
    assert "publication news" in err
    replace(place, name, "--yes-replace", name, "--replace-published")
    assert notes(empty_database) == [1]
