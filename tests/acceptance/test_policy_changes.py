"""What a user sees when policies change, or get another name, with the installed command."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from orchestrator.clock import SystemClock
from tests.support.command_line import POLICY, Workplace
from tests.support.postgres import Database

OFFICE = POLICY.replace("  practice:\n", "  office:\n    renamed_from: practice\n")


@pytest.fixture
def workplace(tmp_path: Path, practice_database: Database) -> Workplace:
    return Workplace(tmp_path, practice_database.url)


def write(workplace: Workplace, *changes: tuple[str, str], policy: str = POLICY) -> None:
    for old, new in changes:
        assert old in policy
        policy = policy.replace(old, new)
    (workplace.root / "policies" / "practice.yaml").write_text(policy)


def soon() -> str:
    """A time at which what was taken now is no longer younger than an hour."""
    return f"{SystemClock().now() + timedelta(hours=2):%Y-%m-%dT%H:%M:%S}"


def plan(workplace: Workplace, *arguments: str, expect: int = 2) -> Any:  # noqa: ANN401 - JSON
    found = workplace.run("plan", "--json", "--detailed-exitcode", *arguments, expect=expect)
    return found.document


def test_a_plan_says_what_a_changed_policy_does_to_retention(workplace: Workplace) -> None:
    workplace.run("apply")
    for _ in range(4):
        workplace.run("backup", "practice")
    assert plan(workplace, expect=0)["changes"] == []
    write(workplace, ("{daily: 30d}", "{daily: 14d}\n      min_keep: 1"))
    (change,) = plan(workplace, "--at", soon())["changes"]
    assert [one["sentence"] for one in change["differences"]] == [
        "daily 30d -> 14d",
        "min_keep 3 -> 1",
    ]
    (effect,) = change["retention"]
    newest, second, third, *_ = workplace.listed()
    assert (effect["expired"], effect["kept_again"]) == (2, 0)
    assert effect["expired_bytes"] == second["stored_bytes"] + third["stored_bytes"]
    assert effect["oldest_before"] == third["snapshot_at"]
    assert effect["oldest_after"] == newest["snapshot_at"]
    said = workplace.run("plan", "--at", soon()).out
    assert "  practice: changed\n    daily 30d -> 14d\n    min_keep 3 -> 1\n" in said
    assert "2 backups, " in said
    assert "become expired; oldest restore point " in said
    assert "2 backups" not in workplace.run("plan").out, "none is older than an hour yet"


def test_a_change_is_pending_until_it_is_applied_and_logged(workplace: Workplace) -> None:
    workplace.run("apply")
    write(workplace, ('daily: {cron: "0 2 * * *"}', 'nightly: {cron: "0 3 * * *"}'))
    (change,) = plan(workplace)["changes"]
    keys = ["schedules.daily", "schedules.nightly"]
    assert [one["key"] for one in change["differences"]] == keys
    assert "applied practice: changed: schedules.daily removed" in workplace.run("apply").out
    assert plan(workplace, expect=0)["changes"] == []
    entries = workplace.run("log", "--json").document["entries"]
    applied = [one["detail"] for one in entries if one["action"] == "apply"]
    assert "schedules.nightly added" in applied[-1]["change of practice"]


def test_a_comment_is_a_new_revision_and_no_change(workplace: Workplace) -> None:
    workplace.run("apply")
    write(workplace, policy=f"# a word\n{POLICY}")
    assert plan(workplace, expect=0)["changes"] == []
    assert "new: not applied yet" in workplace.run("plan").out


def test_a_policy_that_is_gone_is_named_with_what_stays(workplace: Workplace) -> None:
    workplace.run("apply")
    write(workplace, ("  practice:\n", "  office:\n"))
    changes = {one["policy"]: one for one in plan(workplace)["changes"]}
    assert (changes["office"]["kind"], changes["practice"]["kind"]) == ("new", "gone")
    assert "1 backup" in changes["practice"]["notes"][0]
    workplace.run("apply")
    document = plan(workplace, expect=0)
    ((retired,)) = document["retired"]
    assert (retired["policy"], retired["backups"]) == ("practice", 1)
    assert retired["last_rules"] == "daily 30d, min_keep 3"
    assert "nothing of them is pruned" in workplace.run("plan").out


def test_no_secret_reaches_the_catalog_or_a_plan(workplace: Workplace) -> None:
    workplace.run("apply")
    stored = b"".join(path.read_bytes() for path in (workplace.root / ".orchestrator").glob("*"))
    password = workplace.database_url.partition("@")[0].rpartition(":")[2]
    assert b"127.0.0.1:9" not in stored
    assert b"${env:DATABASE_URL}" in stored
    assert workplace.database_url.encode() not in stored
    assert password not in workplace.run("plan").out or password.startswith("//")


def test_a_renamed_policy_goes_on_with_its_backups(workplace: Workplace) -> None:
    workplace.run("apply")
    (first,) = workplace.listed()
    write(workplace, policy=OFFICE)
    document = plan(workplace)
    assert document["actions"] == []
    assert [(one["kind"], one["renamed_from"]) for one in document["changes"]] == [
        ("renamed", "practice")
    ]
    assert "applied office: renamed from practice" in workplace.run("apply").out
    workplace.run("backup", "office")
    assert [one["policy"] for one in workplace.listed()] == ["office", "office"]
    assert first["id"] in {one["id"] for one in workplace.listed()}
    assert f"stored under practice/{first['database']}" in workplace.run("show", first["id"]).out
    assert not (workplace.backups / "office").exists()
    workplace.run("verify", "--all", "--level", "content")
    assert len(workplace.run("prune", "--dry-run", "--json").document["copies"]) == 2
    assert workplace.run("catalog", "check").code == 0


def test_a_renamed_series_is_restored_rebuilt_and_erased(
    workplace: Workplace, practice_database: Database
) -> None:
    workplace.run("apply")
    (first,) = workplace.listed()
    write(workplace, policy=OFFICE)
    workplace.run("apply")
    new = f"{practice_database.name}_again"
    workplace.run("restore", "latest", "--policy", "office", "--into-new", new, "--prove")
    for path in (workplace.root / ".orchestrator").glob("catalog*"):
        path.unlink()
    workplace.run("catalog", "rebuild", "--from", "local")
    assert [(one["policy"], one["id"]) for one in workplace.listed()] == [("office", first["id"])]
    workplace.run("apply")
    assert "practice" not in workplace.run("status").out
    write(workplace, ("  practice:\n", "  other:\n"))
    workplace.run("apply")
    series = f"office/{first['database']}"
    workplace.run("erase", series, "--yes-erase", series)
    assert not [path for path in workplace.stored_files() if "practice/" in str(path)]


def test_a_rename_onto_a_policy_with_backups_is_refused_with_words(workplace: Workplace) -> None:
    workplace.run("apply")
    write(workplace, ("  practice:\n", "  office:\n"))
    workplace.run("apply")
    write(workplace, policy=OFFICE)
    assert "both have backups" in workplace.run("plan").out
    refused = workplace.run("apply", expect=4)
    assert "REFUSED office/" in refused.err
    assert sorted(one["policy"] for one in workplace.listed()) == ["office", "practice"]


def test_a_former_name_that_is_a_policy_is_a_problem_with_both_places(workplace: Workplace) -> None:
    both = OFFICE + OFFICE.partition("policies:\n")[2].replace("  office:\n", "  practice:\n", 1)
    write(
        workplace, policy=both.replace("  practice:\n    renamed_from: practice\n", "  practice:\n")
    )
    problem = workplace.run("validate", expect=65).err
    assert "practice.yaml:8:19: `office` cannot carry on the backups of `practice`" in problem
    assert "practice.yaml:21:3" in problem
