"""A stranger's first day with the installed command and a real server."""

from pathlib import Path

import pytest

from orchestrator import __version__
from tests.support.command_line import Workplace
from tests.support.postgres import Database
from tests.support.reader import assert_equal_databases


@pytest.fixture
def workplace(tmp_path: Path, practice_database: Database) -> Workplace:
    return Workplace(tmp_path, practice_database.url)


def test_plan_then_apply_then_nothing_is_left_to_do(workplace: Workplace) -> None:
    assert "first" in workplace.run("plan").out or "no backup yet" in workplace.run("plan").out
    assert workplace.run("plan", "--detailed-exitcode", expect=2).code == 2
    assert "proved to content" in workplace.run("apply").out
    assert workplace.run("plan", "--detailed-exitcode").code == 0
    assert "nothing to do" in workplace.run("apply").out
    (backup,) = workplace.listed()
    assert backup["level"] == "content"
    assert backup["copies"][0]["state"] == "complete"


def test_a_restore_equals_the_source_by_an_independent_reader(
    workplace: Workplace, practice_database: Database
) -> None:
    workplace.run("apply")
    result = workplace.run("restore", "latest", "--into-new", "restored", "--prove")
    assert "proved: every row" in result.out
    restored = practice_database.server.database("restored")
    assert_equal_databases(practice_database.url, restored.url)


def test_rows_lost_by_accident_come_back(workplace: Workplace, practice_database: Database) -> None:
    (before,) = practice_database.execute("SELECT count(*) FROM notifications")
    workplace.run("apply")
    practice_database.execute("DELETE FROM notifications")
    workplace.run("restore", "latest", "--policy", "practice", "--into-new", "restored")
    restored = practice_database.server.database("restored")
    assert restored.execute("SELECT count(*) FROM notifications") == [before]


def test_an_unchanged_database_stores_no_chunk_the_second_time(workplace: Workplace) -> None:
    workplace.run("apply")
    chunks = {path for path in workplace.stored_files() if path.suffix == ".zst"}
    workplace.run("backup", "practice")
    newest, first = workplace.listed()
    assert {path for path in workplace.stored_files() if path.suffix == ".zst"} == chunks
    assert newest["rows"] == first["rows"]
    assert newest["new_bytes"] < first["new_bytes"]


def test_what_the_reading_verbs_print_is_what_json_says(workplace: Workplace) -> None:
    workplace.run("apply")
    (backup,) = workplace.listed()
    shown = workplace.run("show", "latest", "--json").document
    assert shown["id"] == backup["id"]
    assert sum(table["rows"] for table in shown["contents"]["tables"]) == backup["rows"]
    assert backup["id"] in workplace.run("list").out
    assert "kept" in workplace.run("status").out
    entries = workplace.run("log", "--json").document["entries"]
    assert [entry["outcome"] for entry in entries if entry["action"] == "backup"] == [
        "started",
        "succeeded",
    ]


def test_verify_by_hand_proves_every_backup(workplace: Workplace) -> None:
    workplace.run("apply")
    workplace.run("backup", "practice")
    document = workplace.run("verify", "--all", "--json").document
    assert [result["passed"] for result in document["verifications"]] == [True, True]


def test_a_backup_is_found_by_id_by_time_and_as_latest(workplace: Workplace) -> None:
    workplace.run("apply")
    (backup,) = workplace.listed()
    for reference in (backup["id"], backup["id"][:17], "latest", "2099-01-01T00:00"):
        assert workplace.run("show", reference, "--json").document["id"] == backup["id"]
    assert "ORC-120" in workplace.run("show", "2001-01-01", expect=64).err


def test_init_writes_a_policy_that_is_valid_and_never_overwrites(
    tmp_path: Path, practice_database: Database
) -> None:
    place = Workplace(tmp_path, practice_database.url)
    assert "Next:" in place.run("--policies", "mine", "init").out
    place.run("--policies", "mine", "validate", "--without-secrets")
    written = (tmp_path / "mine" / "first.yaml").read_bytes()
    place.run("--policies", "mine", "init", expect=64)
    assert (tmp_path / "mine" / "first.yaml").read_bytes() == written


def test_the_command_says_its_version(workplace: Workplace) -> None:
    assert workplace.run("--version").out.strip() == f"orchestrator {__version__}"
