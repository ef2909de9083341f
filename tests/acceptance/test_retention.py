"""`retention` with the installed command: what keeps a backup, and what the rules come to."""

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.support.command_line import POLICY, Workplace
from tests.support.postgres import Database

NO_SERVER = "postgresql://backup@127.0.0.1:9/app"
TIERS = POLICY.replace("{daily: 30d}", "{hourly: 7d, daily: 30d, weekly: 3mo, monthly: 1y}")


@pytest.fixture
def offline(tmp_path: Path) -> Workplace:
    """A place whose database nobody can reach: simulating needs none."""
    return Workplace(tmp_path, NO_SERVER, policy=TIERS)


def test_explain_names_the_rules_that_keep_a_backup(
    tmp_path: Path, practice_database: Database
) -> None:
    workplace = Workplace(tmp_path, practice_database.url)
    workplace.run("apply")
    workplace.run("backup", "practice")
    newest, first = workplace.listed()
    said = workplace.run("retention", "explain", "latest")
    assert "local: kept" in said.out
    assert "daily 30d: it represents the day" in said.out
    assert "not supported" not in said.out
    document = workplace.run("retention", "explain", first["id"], "--json").document
    assert document["backup"] == first["id"]
    (place,) = document["destinations"]
    assert place["state"] == "kept"
    assert [reason["label"] for reason in place["reasons"]] == first["tiers"]
    assert newest["id"] != first["id"]


def test_explain_of_a_backup_that_is_not_there_is_refused(offline: Workplace) -> None:
    assert "ORC-120" in offline.run("retention", "explain", "latest", expect=64).err


def test_hourly_backups_of_500_days_settle_at_about_210(offline: Workplace) -> None:
    arguments = ("practice", "--days", "500", "--every", "1h", "--start", "2025-01-01")
    document = offline.run("retention", "simulate", *arguments, "--json").document
    assert 205 <= document["kept"] <= 215
    assert document["version"] == 1
    assert document["by_tier"] == {"hourly": 168, "daily": 30, "weekly": 13, "monthly": 13}
    assert document["held"] == 0
    assert [day["day"] for day in document["days"]] == list(range(500))
    assert {"kept", "pruned", "held", "bytes"} <= set(document["days"][0])


def test_the_policys_own_schedules_settle_at_about_49(offline: Workplace) -> None:
    document = offline.run("retention", "simulate", "practice", "--days", "500", "--json").document
    assert 46 <= document["kept"] <= 52
    assert document["backups"] == 500


def test_an_outage_is_told_and_drawn(offline: Workplace) -> None:
    arguments = ("practice", "--days", "140", "--every", "6h", "--outage", "60..105")
    result = offline.run("retention", "simulate", *arguments, "--plot", "kept.svg")
    assert "0 pruned while it lasts" in result.out
    assert "wait for `--allow-prune`" in result.out
    drawing = ET.fromstring((offline.root / "kept.svg").read_text())  # noqa: S314 - our own drawing
    texts = ["".join(node.itertext()) for node in drawing.iter() if node.tag.endswith("text")]
    assert "outage" in texts
    assert any(text.startswith("held for --allow-prune") for text in texts)


@pytest.mark.parametrize(
    "arguments",
    [
        ("nobody", "--days", "9"),
        ("practice",),
        ("practice", "--days", "0"),
        ("practice", "--days", "9", "--every", "1"),
        ("practice", "--days", "9", "--every", "10s"),
        ("practice", "--days", "9", "--outage", "7..7"),
        ("practice", "--days", "9", "--outage", "seven"),
        ("practice", "--days", "9", "--start", "today"),
        ("practice", "--days", "10000", "--every", "1m"),
        ("practice", "--days", "9", "--plot", "no/such/folder/kept.svg"),
    ],
)
def test_what_cannot_be_simulated_is_refused_in_words(
    offline: Workplace, arguments: tuple[str, ...]
) -> None:
    refused = offline.run("retention", "simulate", *arguments, expect=64)
    assert "Error" in refused.err or "error:" in refused.err
    assert "Traceback" not in refused.err
