"""What a user sees of pruning, with the installed command and a real server."""

from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from orchestrator.catalog.open import open_catalog
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


def write_as_if_the_clock_were_ahead(place: Workplace) -> None:
    with closing(open_catalog(f"sqlite:///{place.root}/.orchestrator/catalog.sqlite3")) as catalog:
        (first, *_) = catalog.log()
        catalog.append_log(replace(first, at=first.at + timedelta(days=400)))


def test_a_clock_that_was_ahead_is_acknowledged_once_and_not_beside_a_backup(
    workplace: Workplace,
) -> None:
    workplace.run("apply")
    command = ("acknowledge", "--clock", "--reason", "ntp was off")
    assert "nothing speaks against the clock" in workplace.run(*command, expect=64).err
    write_as_if_the_clock_were_ahead(workplace)
    assert "either a backup" in workplace.run(*command, "latest", expect=64).err
    assert "either a backup" in workplace.run("acknowledge", "--reason", "x", expect=64).err
    said = workplace.run(*command).out
    assert "the clock is acknowledged; passes up to 20" in said
    assert "server " in said
    assert said.count(" agrees\n") == 2
    assert "nothing speaks against the clock" in workplace.run(*command, expect=64).err
    assert "the clock" in workplace.run("log").out
