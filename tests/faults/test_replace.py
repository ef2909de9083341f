"""`restore --into-existing` that fails at any moment leaves the old state or the new one (issue 5)."""

import os
import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
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
from tests.support.postgres import Database

ROUNDS = int(os.environ.get("ORCHESTRATOR_REPLACE_ROUNDS", "3"))
SEED = int(os.environ.get("ORCHESTRATOR_FAULT_SEED", "20261123"))
MARK = "the state before this round"
OURS = "application_name LIKE 'orchestrator:%'"
FAULTS = ("none", "kill", "terminate", "interrupt", "cancel", "damage")


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
    ended: Counter[str] = field(default_factory=Counter)


@pytest.fixture
def _children_hear_interrupts() -> Iterator[None]:
    # A shell that starts a campaign in the background has them ignored, and children inherit that.
    former = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, former)


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
            f" WHERE {OURS} AND {state} ORDER BY random() LIMIT 1) one"
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
        time.sleep(0 if fault == "none" else chance.uniform(0.2, 1) * stage.seconds)
        inject(stage, fault, process)
        out, err = process.communicate(timeout=120)
    repair(stage)
    if fault == "none":
        stage.seconds = time.monotonic() - began
    assert not any(word in err for word in LISTED_IN_WORDS), err
    while stage.database.execute(f"SELECT 1 FROM pg_stat_activity WHERE {OURS}"):
        time.sleep(0.05)
    return process.returncode, out + err


def chunk_text(path: Path) -> str:
    return b"".join(decompress_blocks(path.read_bytes())).decode()


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
    saved = max(one["id"] for one in stage.place.listed())
    assert mark in lost
    assert lost <= notes_saved(stage.place, saved, chunk_text), "lost, and in no backup"
    assert code != 0 or saved in words, "it did not say where the replaced rows are"
    return "new"


@pytest.mark.timeout(14400)
@pytest.mark.usefixtures("_children_hear_interrupts")
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
        stage.ended[f"{fault}: {state}, exit {code}"] += 1
    assert stage.ended.total() == ROUNDS
    note(", ".join(f"{count} x {how}" for how, count in sorted(stage.ended.items())))
