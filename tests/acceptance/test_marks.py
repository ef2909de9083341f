"""Rows that vanish are noticed, and a backup can be kept, with the installed command and a server."""

from pathlib import Path
from typing import Any

import pytest

from orchestrator.archive.marks import decode_mark
from orchestrator.catalog.open import open_catalog
from orchestrator.model.marks import Mark
from orchestrator.model.names import BackupId, ObjectKey
from tests.support.command_line import POLICY, Workplace
from tests.support.postgres import Database


@pytest.fixture
def database(empty_database: Database) -> Database:
    for table in ("users", "notes", "jobs"):
        empty_database.execute(f"CREATE TABLE {table} AS SELECT generate_series(1, 100) AS id")
    return empty_database


@pytest.fixture
def workplace(tmp_path: Path, database: Database) -> Workplace:
    place = Workplace(tmp_path, database.url)
    place.run("apply")
    return place


def newest(workplace: Workplace) -> dict[str, Any]:
    return workplace.listed()[0]


def stored_marks(workplace: Workplace, backup: dict[str, Any]) -> set[Mark]:
    path = f"{backup['policy']}/{backup['database']}"
    found = (workplace.backups / path / "backups" / backup["id"] / "marks").glob("*.json")
    return {
        decode_mark(
            file.read_bytes(),
            key=ObjectKey(file.relative_to(workplace.backups).as_posix()),
            path=path,
            backup=BackupId(backup["id"]),
        )
        for file in found
    }


def known_marks(workplace: Workplace, backup: dict[str, Any]) -> set[Mark]:
    catalog = open_catalog(f"sqlite:///{workplace.root}/.orchestrator/catalog.sqlite3")
    try:
        return set(catalog.marks(BackupId(backup["id"])))
    finally:
        catalog.close()


def same(workplace: Workplace, backup: dict[str, Any]) -> None:
    assert known_marks(workplace, backup) == stored_marks(workplace, backup) != set()


def test_vanished_rows_are_shown_everywhere_until_somebody_acknowledges(
    workplace: Workplace, database: Database
) -> None:
    for table in ("users", "notes", "jobs"):
        database.execute(f"DELETE FROM {table} WHERE id > 40")
    result = workplace.run("backup", "practice", expect=3)
    expected = "all 3 tables together 120 of 300"
    assert "SUSPICIOUS" in result.err
    assert expected in result.err
    backup = newest(workplace)
    assert backup["suspicious"]
    assert expected in workplace.run("status").out
    workplace.run("acknowledge", "latest", "--reason", "planned")
    same(workplace, backup)
    shown = workplace.run("show", "latest").out
    assert expected in shown
    assert "planned" in shown
    workplace.run("backup", "practice")
    assert not newest(workplace)["suspicious"]


def test_an_emptied_and_a_dropped_table_are_noticed_in_every_backup_that_follows(
    workplace: Workplace, database: Database
) -> None:
    database.execute("TRUNCATE notes")
    assert "emptied since" in workplace.run("backup", "practice", expect=3).err
    database.execute("DROP TABLE jobs")
    result = workplace.run("backup", "practice", expect=3).err
    assert "emptied since" in result
    assert "gone since" in result
    assert workplace.run("list").out.count("SUSPICIOUS") == 2


def test_a_guard_of_the_policy_sharpens_and_another_relaxes(
    tmp_path: Path, database: Database
) -> None:
    guards = "[{table: public.users, max_drop: 5%}, {table: public.jobs, max_drop: 100%}]"
    policy = POLICY.replace("    alerts:", f"    guards: {guards}\n    alerts:")
    place = Workplace(tmp_path, database.url, policy=policy)
    place.run("apply")
    database.execute("DELETE FROM jobs")
    place.run("backup", "practice")
    database.execute("DELETE FROM users WHERE id > 90")
    result = place.run("backup", "practice", "--json", expect=3)
    (outcome,) = result.document["outcomes"]
    assert outcome["suspicious"]
    assert "lost more than 5% of its rows: it has 90 now" in " ".join(outcome["warnings"])


def test_a_hold_is_shown_and_ends_with_its_release(workplace: Workplace) -> None:
    workplace.run("hold", "latest", "--reason", "the audit", "--until", "2099-01-01T00:00")
    backup = newest(workplace)
    (hold,) = backup["holds"]
    assert (hold["reason"], hold["until"]) == ("the audit", "2099-01-01T00:00:00Z")
    assert "held" in workplace.run("list").out
    assert "the audit" in workplace.run("status").out
    same(workplace, backup)
    workplace.run("release", "latest")
    assert newest(workplace)["holds"] == []
    same(workplace, backup)
    entries = workplace.run("log", "--json").document["entries"]
    actions = [entry["action"] for entry in entries if entry["action"] in ("hold", "release")]
    assert actions == ["hold", "release"]


def test_a_place_that_is_away_gets_its_mark_when_the_command_is_run_again(
    workplace: Workplace,
) -> None:
    away = workplace.root / "away"
    workplace.backups.rename(away)
    arguments = ("hold", "latest", "--reason", "audit", "--json")
    result = workplace.run(*arguments, expect=3)
    assert result.document["errors"][0]["destination"] == "local"
    away.rename(workplace.backups)
    assert workplace.run(*arguments).document["made"] == []
    same(workplace, newest(workplace))


def test_a_mark_that_makes_no_sense_is_refused(workplace: Workplace) -> None:
    for arguments, expected in (
        (("release", "latest"), "is not held"),
        (("acknowledge", "latest", "--reason", "x"), "is not suspicious"),
        (("hold", "latest", "--reason", "x", "--until", "2001-01-01"), "would end at once"),
        (("hold", "latest"), "--reason"),
    ):
        assert expected in workplace.run(*arguments, expect=64).err
