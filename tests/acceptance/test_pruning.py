"""What a user sees of pruning, with the installed command and a real server."""

from pathlib import Path

import pytest

from tests.support.command_line import POLICY, Workplace
from tests.support.postgres import Database


@pytest.fixture
def workplace(tmp_path: Path, practice_database: Database) -> Workplace:
    return Workplace(tmp_path, practice_database.url)


def test_a_dry_run_says_why_each_copy_stays_and_writes_nothing(workplace: Workplace) -> None:
    workplace.run("apply")
    workplace.run("backup", "practice")
    before = workplace.stored_files()
    copies = workplace.run("prune", "--dry-run", "--json").document["copies"]
    assert [copy["decision"] for copy in copies] == ["keep", "keep"]
    assert all(copy["reason"] for copy in copies)
    assert "young: it is younger than one hour" in workplace.run("prune", "--dry-run").out
    assert "nothing to prune" in workplace.run("prune").out
    assert workplace.run("apply", "--allow-prune", "5").code == 0
    assert workplace.stored_files() == before


def test_a_policy_that_is_removed_is_retired_and_erased_only_by_its_name(
    workplace: Workplace,
) -> None:
    workplace.run("apply")
    (series,) = {f"{one['policy']}/{one['database']}" for one in workplace.listed()}
    workplace.run("erase", series, "--yes-erase", series, expect=4)
    renamed = POLICY.replace("  practice:\n", "  office:\n")
    (workplace.root / "policies" / "practice.yaml").write_text(renamed)
    workplace.run("apply")
    assert f"{series}: retired" in workplace.run("status").out
    assert [one["retired"] for one in workplace.listed()] == [False, True]
    workplace.run("erase", series, "--yes-erase", "another", expect=64)
    assert len(workplace.listed()) == 2
    assert "erased" in workplace.run("erase", series, "--yes-erase", series).out
    assert [one["policy"] for one in workplace.listed()] == ["office"]
    assert not [path for path in workplace.stored_files() if "practice/" in str(path.parent)]
    entries = workplace.run("log", "--json").document["entries"]
    assert [e["outcome"] for e in entries if e["action"] == "erase"] == ["started", "succeeded"]
