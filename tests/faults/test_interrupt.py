"""Ctrl-C, or SIGTERM, at any moment: the command ends soon, in words, and leaves nothing behind."""

import os
import random
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.faults.places import LISTED_IN_WORDS, note
from tests.faults.test_kill import GONE_WITHIN_SECONDS, sessions_of_ours
from tests.support.command_line import Workplace
from tests.support.postgres import Database, eventually
from tests.support.reader import assert_equal_databases

ROUNDS = int(os.environ.get("ORCHESTRATOR_INTERRUPT_ROUNDS", "6"))
SEED = int(os.environ.get("ORCHESTRATOR_FAULT_SEED", "20261123"))
ENDS_WITHIN_SECONDS = 30
INTERRUPTED = 130


def catches_signals(process: subprocess.Popen[str]) -> bool:
    """Whether the program has begun: until then it is Python that is interrupted."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    caught = next(line for line in status.splitlines() if line.startswith("SigCgt"))
    return bool(int(caught.split()[1], 16) >> signal.SIGTERM - 1 & 1)


def interrupt(process: subprocess.Popen[str], number: signal.Signals, after: float) -> str:
    """Send a signal so many seconds after the program began; return what it said until its end."""
    with process:
        try:
            eventually(lambda: process.poll() is not None or catches_signals(process))
            time.sleep(after)
            process.send_signal(number)
            out, err = process.communicate(timeout=ENDS_WITHIN_SECONDS)
        finally:
            process.kill()
    return out + err


def seconds_undisturbed(place: Workplace, *command: str) -> float:
    began = time.monotonic()
    place.run(*command)
    return time.monotonic() - began


def command_of(number: int) -> tuple[str, ...]:
    """Return the command of a round, each of which reads or writes in several threads."""
    restored = f"round_{number}"
    return (
        ("backup", "practice"),
        ("restore", "latest", "--into-new", restored, "--prove"),
        ("verify", "--all", "--level", "content"),
    )[number % 3]


@pytest.mark.timeout(120 + 60 * ROUNDS)
def test_every_interrupted_command_ends_and_leaves_nothing_behind(
    tmp_path: Path, practice_database: Database
) -> None:
    chance, ended = random.Random(SEED), Counter[int]()
    place = Workplace(tmp_path, practice_database.url)
    longest = seconds_undisturbed(place, "backup", "practice")
    for number in range(ROUNDS):
        process = place.start(*command_of(number))
        kind = (signal.SIGINT, signal.SIGTERM)[number % 2]
        words = interrupt(process, kind, chance.uniform(0, longest))
        assert not any(word in words for word in LISTED_IN_WORDS), words
        # A signal that comes when all is said ends the end, by the kernel's default.
        assert process.returncode in {0, INTERRUPTED, -kind}, words
        with practice_database.connect() as session:
            eventually(lambda: not sessions_of_ours(session), within=GONE_WITHIN_SECONDS)
        if f"round_{number}" in practice_database.server.database_names():
            restored = practice_database.server.database(f"round_{number}")
            assert_equal_databases(practice_database.url, restored.url)
        ended[process.returncode] += 1
    place.run("backup", "practice")
    place.run("verify", "--all", "--level", "content")
    assert ended[INTERRUPTED] > 0
    note(", ".join(f"{count} x exit code {code}" for code, count in sorted(ended.items())))
