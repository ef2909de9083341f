"""What monitoring sees: `status --check`, metrics, a dead man's switch; with the real command."""

import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.support.command_line import POLICY, Workplace
from tests.support.heartbeat_service import HeartbeatService, heartbeat_service
from tests.support.postgres import Database

WATCHED = POLICY.replace("    alerts:", '    heartbeat: {url: "${env:BEAT}"}\n    alerts:')
WELL = "practice: every promise holds; 1 series proved as promised, none older than "


@pytest.fixture
def service() -> Iterator[HeartbeatService]:
    with heartbeat_service() as running:
        yield running


@pytest.fixture
def workplace(tmp_path: Path, empty_database: Database, service: HeartbeatService) -> Workplace:
    empty_database.execute("CREATE TABLE users AS SELECT generate_series(1, 100) AS id")
    extra = {"BEAT": service.url.reveal()}
    return Workplace(tmp_path, empty_database.url, policy=WATCHED, extra=extra)


def without_server(place: Workplace) -> Workplace:
    dead = psycopg.conninfo.make_conninfo(place.database_url, port="1")
    return replace(place, database_url=dead)


LABELS = ("schedule", "destination", "channel", "database", "policy")


def metrics(path: Path) -> dict[tuple[str, str], float]:
    """The value of each metric, by its name and its narrowest label."""
    return {
        (
            sample.name.removeprefix("orchestrator_"),
            next((sample.labels[label] for label in LABELS if label in sample.labels), ""),
        ): sample.value
        for family in text_string_to_metric_families(path.read_text())
        for sample in family.samples
    }


def test_a_day_as_monitoring_sees_it(workplace: Workplace, service: HeartbeatService) -> None:
    before = workplace.run("status", "--check", expect=2)
    assert before.out.startswith("BACKUPS CRITICAL - practice/")
    assert "there is no backup | critical=1;;;0 warning=0;;;0 series=1;;;0" in before.out

    workplace.run("apply", "--metrics-file", "backups.prom")
    after = workplace.run("status", "--check")
    assert after.out.startswith("BACKUPS OK - every promise is kept; 1 series proved as promised")
    assert "'free_local'=" in after.out
    [(path, words)] = service.received
    assert (path, words.startswith(WELL)) == (f"/{service.url.reveal().rpartition('/')[2]}", True)

    broken = without_server(workplace)
    broken.run("backup", "practice", expect=69)
    warned = broken.run("status", "--check", expect=1)
    assert warned.out.startswith("BACKUPS WARNING - ")
    assert "\nWARNING: failed: " in warned.out


def test_metrics_tell_what_status_tells(workplace: Workplace) -> None:
    path = workplace.root / "backups.prom"
    workplace.run("apply", "--metrics-file", "backups.prom")
    found = metrics(path)
    [place] = workplace.run("status", "--json").document["destinations"]

    assert found["last_pass_success", ""] == 1
    assert found["policy_healthy", "practice"] == 1
    assert found["promise_kept", "daily"] == 1
    database = Path(psycopg.conninfo.conninfo_to_dict(workplace.database_url)["dbname"]).name
    assert found["series_last_success_rows", database] == 100
    assert found["series_last_success_level", database] == 3
    assert found["destination_free_bytes", "local"] == place["free_bytes"]
    assert found["outbox_messages", "ops"] == 0
    assert path.stat().st_mode & 0o444 == 0o444 & ~_umask()
    assert [one.name for one in workplace.root.glob("backups.prom*")] == ["backups.prom"]


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


@pytest.mark.parametrize(
    ("arguments", "policy", "code", "is_valid"),
    [
        (["--catalog", "postgresql://u@127.0.0.1:1/x"], WATCHED, 1, 1),
        ([], WATCHED.replace("cron", "corn"), 65, 0),
    ],
    ids=["no catalog", "invalid policies"],
)
def test_a_pass_that_cannot_be_made_says_so_in_metrics_and_check(
    workplace: Workplace, arguments: list[str], policy: str, code: int, is_valid: int
) -> None:
    place = replace(workplace, policy=policy)
    ended = place.run(*arguments, "apply", "--metrics-file", "backups.prom", expect=None)
    found = metrics(workplace.root / "backups.prom")

    assert ended.code in {code, 69}
    assert found["last_pass_success", ""] == 0
    assert found["policies_valid", ""] == is_valid
    check = place.run(*arguments, "status", "--check", expect=3)
    assert check.out.startswith("BACKUPS UNKNOWN - ")


def test_a_metrics_file_that_cannot_be_written_does_not_stop_the_pass(
    workplace: Workplace,
) -> None:
    ended = workplace.run("apply", "--metrics-file", "no/such/folder/backups.prom")

    assert "metrics_not_written" in ended.err
    assert "ORC-810" in ended.err
    assert len(workplace.listed()) == 1


def test_a_heartbeat_that_is_not_taken_is_said_and_does_not_fail_the_pass(
    workplace: Workplace, service: HeartbeatService
) -> None:
    service.status = 503
    ended = workplace.run("apply")

    assert 'heartbeat_not_taken policies=practice answer="HTTP 503"' in ended.err
    assert service.url.reveal() not in ended.err
    assert "heartbeat" in workplace.run("log").out


def test_a_watch_shows_the_same_again_until_it_is_interrupted(workplace: Workplace) -> None:
    with workplace.start("status", "--watch", "--every", "1s") as process:
        assert process.stdout is not None
        shown = [process.stdout.readline() for _ in range(6)]
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)

    assert sum(line.startswith("--- 20") for line in shown) == 2
    assert process.returncode == 0


def test_check_watch_and_json_exclude_each_other(workplace: Workplace) -> None:
    assert "exclude each other" in workplace.run("status", "--check", "--watch", expect=64).err
