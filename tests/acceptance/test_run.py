"""`orchestrator run`, as somebody would leave it alone: the real command on a real server."""

import json
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from orchestrator.clock import SystemClock
from tests.integration.alerts.receivers import a_webhook
from tests.support.command_line import POLICY, Workplace
from tests.support.postgres import Database

Event = dict[str, Any]
MINUTELY = POLICY.replace("0 2 * * *", "* * * * *")
STARTS_WITHIN_SECONDS = 30


@pytest.fixture
def database(empty_database: Database) -> Database:
    empty_database.execute("CREATE TABLE users AS SELECT generate_series(1, 100) AS id")
    return empty_database


@pytest.fixture
def workplace(tmp_path: Path, database: Database) -> Workplace:
    return Workplace(tmp_path, database.url)


class Running:
    """A loop that runs, and what it has said so far."""

    def __init__(self, place: Workplace, *options: str) -> None:
        self._lines = place.root / f"log-{time.monotonic_ns()}"
        with self._lines.open("w") as lines:
            self.process = place.launch("--log-format", "json", "run", *options, stderr=lines)

    @property
    def events(self) -> list[Event]:
        whole = self._lines.read_text().rpartition("\n")[0]
        return [json.loads(line) for line in whole.splitlines()]

    def named(self, event: str) -> list[Event]:
        return [said for said in self.events if said["event"] == event]

    def wait_for(self, event: str, count: int = 1, within: float = STARTS_WITHIN_SECONDS) -> Event:
        wait_until(lambda: len(self.named(event)) >= count, within, self.events)
        return self.named(event)[count - 1]

    def stop(self, number: int = signal.SIGTERM, within: float = 10) -> int:
        self.process.send_signal(number)
        return self.process.wait(within)


def wait_until(happened: Callable[[], bool], within: float, said: object = "") -> None:
    deadline = time.monotonic() + within
    while not happened():
        assert time.monotonic() < deadline, said
        time.sleep(0.05)


@contextmanager
def running(place: Workplace, *options: str) -> Iterator[Running]:
    loop = Running(place, *options)
    try:
        yield loop
    finally:
        loop.process.kill()
        loop.process.wait()


def policy_file(place: Workplace) -> Path:
    return place.root / "policies" / "practice.yaml"


def backups_logged(place: Workplace) -> list[Event]:
    entries: list[Event] = place.run("log", "--json").document["entries"]
    return [entry for entry in entries if entry["action"] == "backup"]


def test_a_loop_takes_the_first_backup_and_ends_on_sigterm_within_seconds(workplace: Workplace):
    with running(workplace) as loop:
        loop.wait_for("backup_succeeded")
        until = loop.wait_for("waiting")["until"]
        assert until.endswith("T02:00Z")
        assert loop.stop(within=5) == 0
        names = [said["event"] for said in loop.events]
    assert names == [
        "loop_started",
        "backup_started",
        "backup_succeeded",
        "waiting",
        "stopping",
        "loop_stopped",
    ]
    assert workplace.run("plan", "--json").document["actions"] == []


def test_two_loops_and_an_apply_make_one_run_per_slot(workplace: Workplace):
    policy_file(workplace).write_text(MINUTELY)
    with running(workplace) as one, running(workplace) as other:
        workplace.run("apply", expect=None)
        first = [*backups_logged(workplace)]
        assert [entry["outcome"] for entry in first] == ["started", "succeeded"]
        wait_until(lambda: len(backups_logged(workplace)) >= 4, 75, one.events + other.events)
        assert (one.stop(), other.stop()) == (0, 0)
    due = {entry["detail"]["reason"] for entry in backups_logged(workplace)[2::2]}
    assert len(due) == len(backups_logged(workplace)[2::2])
    assert len(workplace.listed()) == len(backups_logged(workplace)) // 2


def test_a_loop_reads_changed_files_and_keeps_the_last_good_ones(workplace: Workplace):
    with running(workplace) as loop:
        loop.wait_for("waiting")
        policy_file(workplace).write_text(POLICY.replace("0 2 * * *", "0 3 * * *"))
        loop.wait_for("policies_changed")
        policy_file(workplace).write_text(POLICY.replace("retention:", "retentoin:"))
        problem = loop.wait_for("policy_problem")["problem"]
        assert problem.startswith("policies/practice.yaml:14:5: ")
        # Nothing else is said of the same files, even if somebody asks to read them again.
        loop.process.send_signal(signal.SIGHUP)
        time.sleep(1)
        assert len(loop.named("policies_invalid")) == 1
        policy_file(workplace).write_text(POLICY)
        loop.wait_for("policies_changed", 2)
        assert loop.stop() == 0
    failed = [
        entry
        for entry in workplace.run("log", "--json").document["entries"]
        if (entry["action"], entry["outcome"]) == ("apply", "failed")
    ]
    assert [entry["detail"]["1"] for entry in failed] == [problem]


def test_invalid_files_at_the_start_are_refused(workplace: Workplace):
    policy_file(workplace).write_text("version: 1\n")
    assert workplace.run("run", expect=65).err.startswith("policies:1:1: ")


def test_a_catalog_that_cannot_be_used_at_the_start_is_told_once(workplace: Workplace):
    (workplace.root / ".orchestrator").mkdir()
    (workplace.root / ".orchestrator" / "catalog.sqlite3").write_bytes(b"garbage" * 1000)
    with a_webhook() as hook:
        place = replace(workplace, alert_url=f"json://{hook.address}/")
        for _ in range(2):
            assert "ORC-60" in place.run("run", expect=1).err
        (message,) = hook.messages
    assert "the catalog cannot be used" in json.dumps(message)


def test_a_catalog_deleted_under_a_loop_is_told_and_no_new_one_is_made(workplace: Workplace):
    with a_webhook() as hook:
        place = replace(workplace, alert_url=f"json://{hook.address}/")
        with running(place) as loop:
            loop.wait_for("waiting")
            shutil.rmtree(place.root / ".orchestrator")
            for look in (1, 2):
                loop.process.send_signal(signal.SIGHUP)
                assert "was deleted" in loop.wait_for("pass_failed", look)["what"]
            loop.wait_for("alert_sent")
            assert loop.stop() == 0
        (message,) = hook.messages
    assert "the catalog" in message["title"]
    assert "orchestrator catalog rebuild" in message["message"]
    assert not (place.root / ".orchestrator").exists()
    assert "catalog rebuild --from local" in place.run("apply", expect=4).err


@contextmanager
def blocked(database: Database) -> Iterator[None]:
    """Hold a lock that every backup waits for."""
    with database.connect() as connection, connection.transaction():
        connection.execute("LOCK TABLE users IN ACCESS EXCLUSIVE MODE")
        yield


def patient(place: Workplace) -> None:
    policy_file(place).write_text(POLICY.replace("lock_timeout: 3s", "lock_timeout: 2m"))


def test_a_run_under_way_is_broken_off_after_the_grace_time(
    workplace: Workplace, database: Database
):
    patient(workplace)
    with blocked(database), running(workplace, "--grace", "1s") as loop:
        loop.wait_for("backup_started")
        began = time.monotonic()
        assert loop.stop() == 130
        assert time.monotonic() - began < 1 + 2 + 2
        assert loop.named("breaking_off")
    workplace.run("apply")
    assert {entry["outcome"] for entry in backups_logged(workplace)} <= {
        "started",
        "interrupted",
        "succeeded",
    }
    assert len(workplace.listed()) == 1


def test_a_second_sigterm_ends_it_at_once(workplace: Workplace, database: Database):
    patient(workplace)
    with blocked(database), running(workplace, "--grace", "10m") as loop:
        loop.wait_for("backup_started")
        loop.process.terminate()
        loop.wait_for("stopping")
        time.sleep(0.3)
        assert loop.process.poll() is None
        began = time.monotonic()
        assert loop.stop() == 130
        assert time.monotonic() - began < 4


def test_after_a_kill_a_new_loop_goes_on(workplace: Workplace, database: Database):
    patient(workplace)
    with blocked(database), running(workplace) as killed:
        killed.wait_for("backup_started")
        wait_until(lambda: backups_logged(workplace) != [], STARTS_WITHIN_SECONDS)
        killed.process.kill()
        killed.process.wait()
    with running(workplace) as loop:
        loop.wait_for("recovery_succeeded")
        loop.wait_for("backup_succeeded")
        assert loop.stop() == 0
    outcomes = [entry["outcome"] for entry in backups_logged(workplace)]
    assert outcomes == ["started", "interrupted", "started", "succeeded"]


def test_a_paused_policy_is_left_alone_and_taken_up_when_it_is_resumed(workplace: Workplace):
    workplace.run("pause", "practice", "--until", "2000-01-01", expect=64)
    workplace.run("pause", "practise", "--until", "2099-01-01", expect=64)
    workplace.run("pause", "practice", "--until", "2099-01-01")
    assert "paused until 2099-01-01T00:00Z by" in workplace.run("apply").out
    assert "paused until 2099-01-01T00:00Z by" in workplace.run("status").out
    assert workplace.run("resume", "practice").out == "practice is resumed\n"
    assert workplace.run("resume", "practice").out == "practice was not paused\n"
    assert "done" in workplace.run("apply").out
    entries = workplace.run("log", "--json").document["entries"]
    assert [e["action"] for e in entries if e["subject"] == "practice"] == ["pause", "resume"]


def test_an_unattended_apply_waits_after_a_failure(workplace: Workplace, database: Database):
    with blocked(database):
        workplace.run("apply", expect=1)
    assert "the next try is at" in workplace.run("apply", "--unattended").out
    (skip,) = (
        skip
        for skip in workplace.run("plan", "--unattended", "--json").document["skipped"]
        if skip["kind"] == "backing_off"
    )
    wait = datetime.fromisoformat(skip["until"]) - SystemClock().now()
    assert timedelta(0) < wait < timedelta(seconds=75)
    assert "done" in workplace.run("apply").out
