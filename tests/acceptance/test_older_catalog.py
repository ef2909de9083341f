"""An older catalog is put back and nobody rebuilds it: the installed command loses nothing (F74)."""

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.support.command_line import POLICY, Workplace
from tests.support.postgres import Database


@pytest.fixture
def workplace(tmp_path: Path, practice_database: Database) -> Workplace:
    """Two backups, the first of which is a year old by the catalog and may go at any time."""
    policy = POLICY.replace("{daily: 30d}", "{daily: 7d}\n      min_keep: 1")
    place = Workplace(tmp_path, practice_database.url, policy=policy)
    place.run("apply")
    path = place.root / ".orchestrator" / "catalog.sqlite3"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(
            "UPDATE backups SET snapshot_at = '2025' || substr(snapshot_at, 5),"
            " finished_at = '2025' || substr(finished_at, 5)"
        )
        connection.execute("UPDATE copies SET expired_at = (SELECT snapshot_at FROM backups)")
    place.run("backup", "practice")
    return place


def put_back_after(place: Workplace, *commands: tuple[str, ...]) -> None:
    """Run commands, and put the catalog back as it was before them."""
    state, older = place.root / ".orchestrator", place.root / "older"
    shutil.copytree(state, older)
    for command in commands:
        place.run(*command)
    shutil.rmtree(state)
    older.rename(state)


def manifests(place: Workplace) -> list[dict[str, Any]]:
    found = [json.loads(path.read_text()) for path in place.backups.rglob("manifest.json")]
    return sorted(found, key=lambda one: one["sequence"])


def test_a_hold_that_it_never_heard_of_keeps_the_backup(workplace: Workplace) -> None:
    oldest = workplace.listed()[-1]["id"]
    put_back_after(workplace, ("hold", oldest, "--reason", "the audit"))
    assert "held" in workplace.run("prune").out
    assert len(manifests(workplace)) == 2
    assert [one["id"] for one in workplace.listed() if one["holds"]] == [oldest]


def test_it_prunes_nothing_numbers_no_backup_twice_and_says_what_to_do(
    workplace: Workplace,
) -> None:
    put_back_after(workplace, ("backup", "practice"))
    said = workplace.run("backup", "practice")
    assert "this catalog is older than what lies at 'local'" in said.out + said.err
    refused = workplace.run("prune", expect=4)
    assert "ORC-310" in refused.err
    assert "orchestrator catalog rebuild --from local" in refused.out + refused.err
    found = manifests(workplace)
    assert [one["sequence"] for one in found] == [1, 2, 3, 4]
    assert len({one["previous_digest"] for one in found}) == len(found)
    workplace.run("catalog", "rebuild", "--from", "local")
    assert len(workplace.listed()) == len(found)
    newest = workplace.run("backup", "practice")
    assert "this catalog is older" not in newest.out + newest.err
