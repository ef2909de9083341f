"""Two processes on one catalog: one run and one backup for every slot (done-when 3)."""

import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from orchestrator.clock import SystemClock
from tests.faults.places import LISTED_IN_WORDS, FaultPlace, note
from tests.support.command_line import POLICY
from tests.support.postgres import Database

SLOTS = int(os.environ.get("ORCHESTRATOR_SLOTS", "3"))
SLOT_IN_SECONDS = 3.0
ENDS_WITHIN_SECONDS = 120 + 4 * SLOTS
DAY = timedelta(days=1)
DONE, LOCKED = 0, 75

Counts = Counter[tuple[str, str]]


def policies(number: int) -> str:
    """So many policies instead of one, each with the same daily slot."""
    head, _, practice = POLICY.partition("  practice:\n")
    each = practice.replace("after_backup: content", "after_backup: stored")
    return head + "".join(f"  practice_{one}:\n{each}" for one in range(number))


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path, empty_database: Database) -> FaultPlace:
    empty_database.execute("CREATE TABLE users AS SELECT generate_series(1, 100) AS id")
    catalog = None
    if request.param == "postgresql":
        catalog = empty_database.server.create_database().url
    return FaultPlace(tmp_path, empty_database.url, policy=policies(SLOTS), catalog=catalog)


def wait_until_ended(*processes: subprocess.Popen[str]) -> list[str]:
    """Return what each said on stderr, every one of them done or told that another was at work."""
    said = []
    for process in processes:
        _, err = process.communicate(timeout=ENDS_WITHIN_SECONDS)
        assert process.returncode in (DONE, LOCKED), err
        assert (process.returncode == LOCKED) == ("[ORC-701]" in err), err
        said.append(err)
    return said


def assert_nothing_else_was_wrong(said: str) -> None:
    complaints = ("stayed locked", "database is locked", "ORC-6", "alert", *LISTED_IN_WORDS)
    assert not [one for one in complaints if one in said], said


def count_log(place: FaultPlace) -> Counts:
    """Return how often each series began a backup, and how often one ended in which way."""
    entries: list[dict[str, Any]] = place.run("log", "--json").document["entries"]
    return Counter((e["outcome"], e["subject"]) for e in entries if e["action"] == "backup")


def assert_each_series_has(place: FaultPlace, backups: int) -> None:
    counts, listed = count_log(place), place.listed()
    assert {outcome for outcome, _ in counts} == {"started", "succeeded"}
    assert len(counts) == 2 * SLOTS
    assert set(counts.values()) == {backups}
    assert Counter(one["policy"] for one in listed) == {
        f"practice_{number}": backups for number in range(SLOTS)
    }


def just_before_the_slot(place: FaultPlace) -> FaultPlace:
    """The same place by clocks that show that 02:00 of the next day comes in seconds."""
    now = SystemClock().now()
    slot = now.replace(hour=2, minute=0, second=0, microsecond=0) + DAY
    return replace(place, shift=(slot - now).total_seconds() - SLOT_IN_SECONDS)


@contextmanager
def loop(place: FaultPlace, name: str) -> Iterator[subprocess.Popen[str]]:
    with (place.root / name).open("w") as lines:
        process = place.launch("run", stderr=lines)
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def wait_for_backups(place: FaultPlace, number: int) -> None:
    deadline = time.monotonic() + ENDS_WITHIN_SECONDS
    while len(place.listed()) < number:
        assert time.monotonic() < deadline, count_log(place)
        time.sleep(0.2 + SLOTS / 100)


@pytest.mark.timeout(120 + 60 * SLOTS)
def test_every_slot_has_one_run_whoever_looks(place: FaultPlace):
    for said in wait_until_ended(place.start("apply"), place.start("apply")):
        assert_nothing_else_was_wrong(said)
    assert_each_series_has(place, 1)
    later = just_before_the_slot(place)
    with loop(later, "one") as one, loop(later, "other") as other:
        time.sleep(SLOT_IN_SECONDS)
        wait_until_ended(later.start("apply"))
        wait_for_backups(place, 2 * SLOTS)
        for process in (one, other):
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0
    for name in ("one", "other"):
        assert_nothing_else_was_wrong((place.root / name).read_text())
    assert_each_series_has(place, 2)
    due = Counter(one["reason"] for one in place.listed() if one["reason"].startswith("due: "))
    assert [*due.values()] == [SLOTS], "one slot, and a backup of each series for it"
    assert "nothing to do" in later.run("apply").out
    note(f"{2 * SLOTS} runs")
