"""`prune --dry-run` says what `prune` would do, also of what is paused or half gone."""

import sqlite3
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from tests.support.command_line import POLICY, Workplace
from tests.support.postgres import Database


@pytest.fixture
def workplace(tmp_path: Path, practice_database: Database) -> Workplace:
    policy = POLICY.replace("{daily: 30d}", "{daily: 7d}\n      min_keep: 1")
    return Workplace(tmp_path, practice_database.url, policy=policy)


def change_catalog(workplace: Workplace, statement: str) -> None:
    path = workplace.root / ".orchestrator" / "catalog.sqlite3"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(statement)


def let_the_first_expire(workplace: Workplace) -> None:
    """Make two backups, and let the first be a year old and past its `prune_delay`."""
    workplace.run("apply")
    change_catalog(
        workplace,
        "UPDATE backups SET snapshot_at = '2025' || substr(snapshot_at, 5),"
        " finished_at = '2025' || substr(finished_at, 5)",
    )
    change_catalog(workplace, "UPDATE copies SET expired_at = (SELECT snapshot_at FROM backups)")
    workplace.run("backup", "practice")


def decisions(workplace: Workplace) -> list[tuple[str, str]]:
    copies = workplace.run("prune", "--dry-run", "--json").document["copies"]
    return sorted((copy["decision"], copy["reason"]) for copy in copies)


def test_a_paused_policy_is_refused_with_the_pause_as_its_reason(workplace: Workplace) -> None:
    let_the_first_expire(workplace)
    assert [word for word, _ in decisions(workplace)] == ["keep", "prune"]
    workplace.run("pause", "practice", "--until", "2099-01-01")
    (_, (word, reason)) = decisions(workplace)
    assert word == "refused"
    assert "paused" in reason
    assert "nothing to prune" in workplace.run("prune").out


def test_a_copy_whose_removal_has_begun_is_shown_as_one_that_goes(workplace: Workplace) -> None:
    let_the_first_expire(workplace)
    change_catalog(workplace, "UPDATE copies SET state = 'pruning' WHERE expired_at IS NOT NULL")
    assert [word for word, _ in decisions(workplace)] == ["keep", "prune"]


def test_what_a_pattern_stands_for_is_shown_as_prune_treats_it(workplace: Workplace) -> None:
    file = workplace.root / "policies" / "practice.yaml"
    name = psycopg.conninfo.conninfo_to_dict(workplace.database_url)["dbname"]
    pattern = f'databases: ["{name}*"]'
    file.write_text(workplace.policy.replace("lock_timeout: 3s", pattern))
    let_the_first_expire(workplace)
    assert [word for word, _ in decisions(workplace)] == ["keep", "prune"]
    (word, reason), _ = sorted(explained(workplace))
    assert (word, "no policy declares" in reason) == ("expired", False)
    assert "done    practice/" in workplace.run("prune").out


def test_what_no_policy_names_any_more_is_shown_as_kept(workplace: Workplace) -> None:
    workplace.run("apply")
    file = workplace.root / "policies" / "practice.yaml"
    file.write_text(workplace.policy.replace("  practice:", "  other:"))
    ((word, reason),) = decisions(workplace)
    assert word == "keep"
    assert "no policy declares practice/" in reason


def explained(workplace: Workplace) -> list[tuple[str, str]]:
    """Return what `retention explain` says of each backup."""
    documents = [
        workplace.run("retention", "explain", str(backup["id"]), "--json").document
        for backup in workplace.listed()
    ]
    places = [place for document in documents for place in document["destinations"]]
    return [(str(place["state"]), place["sentence"]) for place in places]
