"""The catalog is deleted, or an older one put back; the installed command finds everything again."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.support.command_line import Workplace
from tests.support.postgres import Database
from tests.support.reader import assert_equal_databases

PROOF = {"level", "tiers", "copies"}


@pytest.fixture
def database(empty_database: Database) -> Database:
    empty_database.execute("CREATE TABLE users AS SELECT generate_series(1, 100) AS id")
    return empty_database


@pytest.fixture
def workplace(tmp_path: Path, database: Database) -> Workplace:
    """Three backups, the last with a row more."""
    place = Workplace(tmp_path, database.url)
    place.run("apply")
    place.run("backup", "practice")
    database.execute("INSERT INTO users VALUES (101)")
    place.run("backup", "practice")
    return place


def facts(place: Workplace) -> list[dict[str, Any]]:
    """The list, without how far each copy was proved."""
    listed = place.listed()
    return [{name: value for name, value in b.items() if name not in PROOF} for b in listed]


def newest_manifest(place: Workplace) -> dict[str, Any]:
    manifests = [json.loads(path.read_text()) for path in place.backups.rglob("manifest.json")]
    # By number: two backups within a second have ids in any order.
    newest: dict[str, Any] = max(manifests, key=lambda found: found["sequence"])
    return newest


def chunks(place: Workplace) -> set[Path]:
    return {path for path in place.stored_files() if path.suffix == ".zst"}


def lose_catalog(place: Workplace) -> None:
    shutil.rmtree(place.root / ".orchestrator")


def test_a_deleted_catalog_is_refused_then_rebuilt_to_the_same_list(workplace: Workplace) -> None:
    before, tiers = facts(workplace), [backup["tiers"] for backup in workplace.listed()]
    lose_catalog(workplace)
    refused = workplace.run("apply", expect=4)
    assert "orchestrator catalog rebuild --from local" in refused.err
    assert workplace.run("catalog", "check", expect=1).out.count("unknown: ") == 3
    assert "3 backups" in workplace.run("catalog", "rebuild", "--from", "local").out
    assert facts(workplace) == before
    assert [backup["level"] for backup in workplace.listed()] == ["stored"] * 3
    checked = workplace.run("catalog", "check", "--json").document
    assert (checked["equal"], checked["destinations"]) == (
        True,
        [{"name": "local", "manifests": 3}],
    )
    proved = workplace.run("verify", "--all", "--json").document["verifications"]
    assert [result["passed"] for result in proved] == [True] * 3
    assert [backup["tiers"] for backup in workplace.listed()] == tiers


def test_a_rebuilt_backup_restores_equal(workplace: Workplace, database: Database) -> None:
    lose_catalog(workplace)
    workplace.run("catalog", "rebuild", "--from", "local")
    result = workplace.run("restore", "latest", "--into-new", f"{database.name}_again", "--prove")
    assert "proved: every row" in result.out
    restored = database.server.database(f"{database.name}_again")
    assert_equal_databases(database.url, restored.url)


def test_the_next_runs_continue_the_chain(workplace: Workplace) -> None:
    old = newest_manifest(workplace)
    digest = facts(workplace)[0]["manifest_digest"]
    stored = chunks(workplace)
    lose_catalog(workplace)
    workplace.run("catalog", "rebuild", "--from", "local")
    workplace.run("apply")
    workplace.run("backup", "practice")
    new = newest_manifest(workplace)
    assert (new["sequence"], new["previous_digest"]) == (old["sequence"] + 1, digest)
    assert new["fence"] > old["fence"]
    assert chunks(workplace) == stored, "no chunk is stored anew"


def test_an_older_catalog_put_back_is_merged_and_repeating_it_changes_nothing(
    workplace: Workplace,
) -> None:
    state = workplace.root / ".orchestrator"
    shutil.copytree(state, workplace.root / "older")
    workplace.run("backup", "practice")
    workplace.run("backup", "practice")
    newest = facts(workplace)
    shutil.rmtree(state)
    (workplace.root / "older").rename(state)
    assert "5 backups" in workplace.run("catalog", "rebuild", "--from", "local").out
    assert facts(workplace) == newest
    assert [backup["level"] for backup in workplace.listed()] == ["stored"] * 2 + ["content"] * 3
    log = workplace.run("log", "--json").document
    again = workplace.run("catalog", "rebuild", "--from", "local", "--json").document
    assert [series["added"] for series in again["series"]] == [0]
    assert workplace.run("log", "--json").document == log


def test_a_damaged_manifest_is_listed_with_its_reason_among_good_ones(workplace: Workplace) -> None:
    good, damaged, first = facts(workplace)
    (path,) = workplace.backups.rglob(f"backups/{damaged['id']}/manifest.json")
    path.write_bytes(path.read_bytes()[:-10])
    lose_catalog(workplace)
    result = workplace.run("catalog", "rebuild", "--from", "local", expect=3)
    assert damaged["id"] in result.err
    assert "a manifest is damaged" in result.err
    assert [backup["id"] for backup in facts(workplace)] == [good["id"], first["id"]]
    workplace.run("apply")


def test_what_cannot_be_rebuilt_from_is_refused_in_words(workplace: Workplace) -> None:
    assert (
        "declared are: local" in workplace.run("catalog", "rebuild", "--from", "x", expect=64).err
    )
    (workplace.backups / ".orchestrator-destination").unlink()
    refused = workplace.run("catalog", "rebuild", "--from", "local", expect=4)
    assert "ORC-303" in refused.err
    assert "not mounted" in refused.err


def test_the_first_acknowledgement_of_a_rebuilt_catalog_is_not_said_to_be_an_old_one(
    workplace: Workplace,
) -> None:
    lose_catalog(workplace)
    workplace.run("catalog", "rebuild", "--from", "local")
    backup = workplace.listed()[0]
    said = workplace.run("acknowledge", "latest", "--reason", "all there").out
    assert said == (
        f"{backup['id']} of practice/{backup['database']} is acknowledged,"
        " and with it the rebuilt catalog\n"
    )
    again = workplace.run("acknowledge", "latest", "--reason", "all there", expect=64)
    assert "is not suspicious" in again.err
