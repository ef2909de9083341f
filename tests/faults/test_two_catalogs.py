"""Two writers and a collection at once on one destination, each with a catalog of its own (F65)."""

import json
import os
import random
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from tests.faults.places import LISTED_IN_WORDS, TOP, FaultPlace, note
from tests.faults.stored import assert_nothing_named_is_missing, manifests_at
from tests.support.command_line import PYTHON
from tests.support.postgres import Database

ROUNDS = int(os.environ.get("ORCHESTRATOR_COLLECTION_ROUNDS", "2"))
SEED = int(os.environ.get("ORCHESTRATOR_FAULT_SEED", "20261123"))
TABLES, STATES = 12, 3
RUBBISH = 60
"""So many other objects that nothing names, so that a collection lasts as long as a backup."""

Chunks = dict[Path, bytes]


def change_rows(database: Database, state: int) -> None:
    """Make the rows of every table those of one state, byte for byte the same each time."""
    database.execute(
        ";".join(
            f"TRUNCATE table_{table}; INSERT INTO table_{table}"
            f" SELECT number, {state} FROM generate_series(1, {table + 100}) AS number"
            for table in range(TABLES)
        )
    )


@pytest.fixture
def places(tmp_path: Path, empty_database: Database) -> tuple[FaultPlace, ...]:
    """One destination that three catalogs are attached to, with a backup of the first."""
    tables = (f"CREATE TABLE table_{table} (number int, state int)" for table in range(TABLES))
    empty_database.execute(";".join(tables))
    change_rows(empty_database, 0)
    first = FaultPlace(tmp_path, empty_database.url)
    first.run("apply")
    others = [replace(first, state=f".state-{number}") for number in (1, 2)]
    for other in others:
        other.run("catalog", "rebuild", "--from", "local")
    return (first, *others)


def chunks_at(place: FaultPlace) -> Chunks:
    found = place.backups.rglob("chunks/*/*.zst")
    return {path: path.read_bytes() for path in found}


def chunks_of_states(place: FaultPlace, database: Database) -> list[Chunks]:
    """Return the chunks that a backup of each state stores."""
    found = []
    for state in range(STATES):
        change_rows(database, state)
        place.run("backup", "practice")
        newest = max(manifests_at(place.backups).values(), key=lambda one: int(one["sequence"]))
        keys = {str(stored["key"]) for stored in newest["objects"]}
        stored = chunks_at(place)
        wanted = {path for path in stored if str(path.relative_to(place.backups)) in keys}
        found.append({path: stored[path] for path in wanted})
    return found


class Collector:
    """Another process, which collects when it is told to."""

    def __init__(self, place: FaultPlace, database: str) -> None:
        argv = [PYTHON, "-m", "tests.faults.collector", place.state, "practice", database]
        self.process = subprocess.Popen(
            argv,
            cwd=place.root,
            env={**place.environment, "PYTHONPATH": str(TOP)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.answer()

    def begin(self, seconds: float) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{seconds}\n")
        self.process.stdin.flush()

    def answer(self) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, "the collector died"
        return line


@contextmanager
def collecting(place: FaultPlace, database: str) -> Iterator[Collector]:
    collector = Collector(place, database)
    try:
        yield collector
    finally:
        collector.process.kill()
        collector.process.communicate()


def some_names(chance: random.Random) -> list[str]:
    return [f"{chance.getrandbits(256):064x}" for _ in range(RUBBISH)]


def leave_orphans(place: FaultPlace, chunks: Chunks, chance: random.Random) -> None:
    """Let some backups be gone, and lie there what a run that was killed had stored."""
    for path in sorted(place.backups.rglob("manifest.json")):
        if chance.random() < 0.8:
            path.unlink()
    folder = next(iter(chunks)).parents[1]
    rubbish = {folder / name[:2] / f"{name}.copy.zst": b"" for name in some_names(chance)}
    for path, data in (chunks | rubbish).items():
        if not path.exists() and chance.random() < 0.9:
            path.parent.mkdir(exist_ok=True, parents=True)
            path.write_bytes(data)


@dataclass
class Rounds:
    """Two writers, and a collector that begins at any moment while they are at work."""

    writers: tuple[FaultPlace, ...]
    collector: Collector
    chance: random.Random
    lasts: float = 1.0
    """Seconds that the writers took the last time."""
    happened: Counter[str] = field(default_factory=Counter)

    def write_and_collect(self) -> None:
        began = time.monotonic()
        begun = [place.start("backup", "practice") for place in self.writers]
        time.sleep(self.chance.uniform(0, self.lasts))
        self.collector.begin(self.chance.uniform(0, self.lasts / 2))
        for writer in begun:
            self.note_end(writer)
        self.lasts = time.monotonic() - began
        told: dict[str, Any] = json.loads(self.collector.answer())
        self.happened["objects collected"] += told["removed"]
        self.happened["objects put back"] += told["put_back"]
        self.happened.update({f"stopped by {why}": n for why, n in told["stopped_by"].items()})

    def note_end(self, writer: subprocess.Popen[str]) -> None:
        _, err = writer.communicate(timeout=60)
        assert not [one for one in LISTED_IN_WORDS if one in err], err
        self.happened["backups done" if writer.returncode == 0 else "backups failed"] += 1
        if writer.returncode:
            note(f"[{err.strip()}]")


@pytest.mark.timeout(120 + 60 * ROUNDS)
def test_no_chunk_that_a_manifest_names_is_ever_missing(
    places: tuple[FaultPlace, ...], empty_database: Database
):
    chance = random.Random(SEED)
    states = chunks_of_states(places[0], empty_database)
    with collecting(places[2], empty_database.name) as collector:
        rounds = Rounds(places[:2], collector, chance)
        for number in range(ROUNDS):
            state = chance.randrange(STATES)
            change_rows(empty_database, state)
            leave_orphans(places[0], states[state], chance)
            rounds.write_and_collect()
            assert_nothing_named_is_missing(places[0].backups, f"round {number}")
    assert rounds.happened["backups done"] > ROUNDS
    note(", ".join(f"{what}: {count}" for what, count in sorted(rounds.happened.items())))
