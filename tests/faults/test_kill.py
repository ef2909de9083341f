"""kill -9 at any moment: nothing half is listed, nothing runs on, and the next pass goes on."""

import os
import random
import time
from pathlib import Path

import psycopg
import pytest

from tests.support.command_line import Workplace
from tests.support.postgres import Database
from tests.support.reader import assert_equal_databases

ROUNDS = int(os.environ.get("ORCHESTRATOR_KILL_ROUNDS", "6"))
SEED = int(os.environ.get("ORCHESTRATOR_FAULT_SEED", "20261123"))
GONE_WITHIN_SECONDS = 2
LONGEST_RUN_SECONDS = 2.5


def descendants(process: int) -> set[int]:
    """Return every process below one, as the kernel sees it now."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except (FileNotFoundError, ProcessLookupError):
                continue
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    found, pending = set(), [process]
    while pending:
        for child in children.get(pending.pop(), []):
            found.add(child)
            pending.append(child)
    return found


def is_running(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def sessions_of_ours(connection: psycopg.Connection[tuple[object, ...]]) -> int:
    row = connection.execute(
        "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'orchestrator:%'"
    ).fetchone()
    return int(str(row[0])) if row else 0


def kill_at_a_random_moment(place: Workplace, chance: random.Random, *command: str) -> set[int]:
    with place.start(*command) as process:
        time.sleep(chance.uniform(0, LONGEST_RUN_SECONDS))
        below = descendants(process.pid)
        process.kill()
        process.communicate()
    return below


def wait_until_all_is_gone(database: Database, below: set[int]) -> None:
    deadline = time.monotonic() + GONE_WITHIN_SECONDS
    with database.connect() as connection:
        while any(map(is_running, below)) or sessions_of_ours(connection):
            assert time.monotonic() < deadline, "a child or a session outlived its killed parent"
            time.sleep(0.05)


@pytest.mark.timeout(120 + 60 * ROUNDS)
def test_every_killed_apply_is_gone_on_from(tmp_path: Path, practice_database: Database) -> None:
    chance = random.Random(SEED)
    for number in range(ROUNDS):
        # Even rounds kill the very first apply of a new place; odd ones go on with that place.
        place = Workplace(tmp_path / str(number // 2), practice_database.url)
        command = ("apply",) if number % 2 == 0 else ("backup", "practice")
        below = kill_at_a_random_moment(place, chance, *command)
        wait_until_all_is_gone(practice_database, below)
        place.run("apply")
        assert place.listed(), f"round {number}"
        place.run("verify", "--all", "--level", "content")
        assert place.run("plan", "--json").document["actions"] == []
    place.run("restore", "latest", "--into-new", "after_all", "--prove")
    restored = practice_database.server.database("after_all")
    assert_equal_databases(practice_database.url, restored.url)
