"""`restore --into-existing` that fails at any moment leaves the old state or the new one (issue 5)."""

import os
import random
import signal
import subprocess
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from orchestrator.archive.compression import decompress_blocks
from tests.faults.places import LISTED_IN_WORDS, FaultPlace, note
from tests.faults.replacing import (
    SCHEMA,
    TABLES,
    Notes,
    Writers,
    guards_of,
    notes_in,
    notes_saved,
)
from tests.support.postgres import Database, eventually

ROUNDS = int(os.environ.get("ORCHESTRATOR_REPLACE_ROUNDS", "6"))
SEED = int(os.environ.get("ORCHESTRATOR_FAULT_SEED", "20261123"))
MARK = "the state before this round"
OURS = "application_name LIKE 'orchestrator:%'"
IS_GUARD = "query LIKE '%$guard$%'"
"""The session that looks after the one that holds the locks; losing it changes nothing."""
FAULTS = ("none", "kill", "terminate", "interrupt", "cancel", "damage")
LONGEST_SECONDS = 120
MANY = 60
"""From so many rounds on, faults must have come both before and after the commit."""
LATEST = 1 if ROUNDS >= MANY else 0.7
"""The last moment of a fault, as a part of the time that a replacement takes undisturbed."""


@dataclass
class Stage:
    """A source with a backup of it, and what it must always look like."""

    database: Database
    place: FaultPlace
    backup: str
    first: set[str]
    guards: list[str]
    seconds: float = 0.0
    """How long the last replacement took that nobody harmed."""
    ended: Counter[tuple[str, str, int]] = field(default_factory=Counter)
    """How often a fault left which state with which exit code."""
    harmed: Counter[str] = field(default_factory=Counter)
    """How often a fault met a restore that had not ended yet."""

    def states(self, *, harmed: bool) -> set[str]:
        """Return the states that were left with a fault, or without."""
        return {state for fault, state, _ in self.ended if (fault != "none") is harmed}


@pytest.fixture
def stage(tmp_path: Path, empty_database: Database) -> Stage:
    empty_database.execute(SCHEMA)
    place = FaultPlace(tmp_path / "place", empty_database.url)
    place.run("backup", "practice")
    return Stage(
        empty_database,
        place,
        place.listed()[0]["id"],
        notes_in(empty_database),
        guards_of(empty_database),
    )


def inject(stage: Stage, fault: str, process: subprocess.Popen[str]) -> None:
    """Do harm to the restore, or to one of its sessions."""
    if fault == "kill":
        process.kill()
    elif fault == "interrupt":
        process.send_signal(signal.SIGINT)
    elif fault == "damage":
        chunks = sorted(path for path in stage.place.backups.rglob("*.copy.zst"))
        for path in chunks:
            path.rename(path.with_suffix(".away"))
    elif fault != "none":
        # An idle session takes no notice of a cancel: wait for one that is at work.
        state = "state = 'active'" if fault == "cancel" else "xact_start IS NOT NULL"
        while process.poll() is None and not stage.database.execute(
            f"SELECT pg_{fault}_backend(pid) FROM (SELECT pid FROM pg_stat_activity"
            f" WHERE {OURS} AND {state} AND NOT {IS_GUARD} ORDER BY random() LIMIT 1) one"
        ):
            time.sleep(0.002)


def repair(stage: Stage) -> None:
    for path in stage.place.backups.rglob("*.away"):
        path.rename(path.with_suffix(".zst"))


def restore_with(stage: Stage, fault: str, chance: random.Random) -> tuple[int, str]:
    """Restore over the database, harm it at a random moment; return exit code and words."""
    tables = [word for table in TABLES for word in ("--table", table)]
    name = stage.database.name
    command = ("restore", stage.backup, "--into-existing", name, "--yes-replace", name, *tables)
    began = time.monotonic()
    with stage.place.start(*command) as process:
        time.sleep(0 if fault == "none" else chance.uniform(0.2, LATEST) * stage.seconds)
        stage.harmed[fault] += process.poll() is None
        try:
            inject(stage, fault, process)
            out, err = process.communicate(timeout=LONGEST_SECONDS)
        finally:
            process.kill()  # one that does not end fails the test, and does not hold it up
    repair(stage)
    if fault == "none":
        stage.seconds = time.monotonic() - began
    assert not any(word in err for word in LISTED_IN_WORDS), err
    ours = f"SELECT 1 FROM pg_stat_activity WHERE {OURS}"
    eventually(lambda: not stage.database.execute(ours), within=LONGEST_SECONDS)
    return process.returncode, out + err


def chunk_text(path: Path) -> str:
    return b"".join(decompress_blocks(path.read_bytes())).decode()


def require_faults_at_many_moments(stage: Stage) -> None:
    """Require that what was counted says something: the command works, and was disturbed in time."""
    assert {how for how in stage.ended if how[0] == "none"} == {("none", "new", 0)}
    assert "old" in stage.states(harmed=True), "no fault came in time"
    assert stage.harmed.total() > stage.ended.total() / 2, "most faults came too late"
    if stage.ended.total() >= MANY:
        assert all(stage.harmed[fault] for fault in FAULTS)
        assert stage.states(harmed=True) == {"old", "new"}


def require_old_or_new(stage: Stage, notes: Notes, mark: str, code: int, words: str) -> str:
    """Require one of the two states in full; return which."""
    present = notes_in(stage.database)
    assert guards_of(stage.database) == stage.guards
    if mark in present:
        assert code != 0, f"it said that it had replaced the tables\n{words}"
        assert notes.acknowledged <= present, "a write was lost, and nothing was replaced"
        return "old"
    assert stage.first <= present, "rows of the backup are missing"
    assert present <= stage.first | notes.attempted
    lost = notes.acknowledged - present
    saved = stage.place.listed()[0]["id"]
    assert mark in lost
    assert lost <= notes_saved(stage.place, saved, chunk_text), "lost, and in no backup"
    assert code != 0 or saved in words, "it did not say where the replaced rows are"
    return "new"


@pytest.mark.timeout(120 + 60 * ROUNDS)
def test_a_replacement_that_fails_at_any_moment_leaves_the_old_state_or_the_new(
    stage: Stage,
) -> None:
    chance = random.Random(SEED)
    for number in range(ROUNDS):
        fault = FAULTS[number % len(FAULTS)]
        mark = f"{MARK} {number}"
        stage.database.execute(f"INSERT INTO entries (account, note) VALUES (1, '{mark}')")
        before = notes_in(stage.database)
        notes = Notes(attempted=set(before), acknowledged=set(before))
        with Writers(stage.database, notes, f"round {number}"):
            code, words = restore_with(stage, fault, chance)
        state = require_old_or_new(stage, notes, mark, code, words)
        assert fault != "none" or (state, code) == ("new", 0), words
        stage.ended[fault, state, code] += 1
    require_faults_at_many_moments(stage)
    note(", ".join(_words(*how, count) for how, count in sorted(stage.ended.items())))


def _words(fault: str, state: str, code: int, count: int) -> str:
    return f"{count} x {fault}: {state}, exit {code}"
