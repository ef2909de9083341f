"""Several processes, and processes that die, on one catalog."""

import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest

from orchestrator.catalog.open import open_catalog
from tests.contracts.catalog_values import UNPROVED, an_entry
from tests.integration.catalog.writer_process import ENTRIES

TOP = Path(__file__).parents[3]
PROGRAM = "tests.integration.catalog.writer_process"


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/new/catalog.sqlite3"
    return str(request.getfixturevalue("empty_database").url)


@contextmanager
def writer(url: str, name: str, mode: str) -> Iterator[subprocess.Popen[str]]:
    """Start a writer; it is killed at the end if it still runs."""
    argv = [sys.executable, "-m", PROGRAM, url, name, mode]
    with subprocess.Popen(argv, cwd=TOP, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_for(process: subprocess.Popen[str], word: str) -> None:
    assert process.stdout is not None
    assert any(line.strip() == word for line in process.stdout)


def test_processes_that_open_a_new_catalog_and_write_at_once_lose_nothing(url: str):
    with ExitStack() as running:
        writers = [running.enter_context(writer(url, name, "entries")) for name in "abc"]
        assert [process.wait(60) for process in writers] == [0, 0, 0]
    with closing(open_catalog(url)) as catalog:
        written = Counter(entry.subject.split()[0] for entry in catalog.log())
    assert written == {"a": ENTRIES, "b": ENTRIES, "c": ENTRIES}


def test_what_a_writer_killed_in_mid_transaction_began_is_gone(url: str):
    with closing(open_catalog(url)) as catalog:
        with writer(url, "app", "stuck") as process:
            wait_for(process, "stuck")
            process.send_signal(signal.SIGKILL)
            process.wait(10)
        catalog.append_log(an_entry("after"))
        assert not catalog.backups()
        assert [entry.subject for entry in catalog.log()] == ["after"]


@pytest.mark.parametrize("milliseconds", [1, 20, 60, 150])
def test_a_writer_killed_at_any_moment_leaves_whole_records(tmp_path: Path, milliseconds: int):
    path = tmp_path / "catalog.sqlite3"
    with closing(open_catalog(f"sqlite:///{path}")) as catalog:
        with writer(f"sqlite:///{path}", "app", "backups") as process:
            wait_for(process, "ready")
            while not catalog.backups() and process.poll() is None:
                time.sleep(0.005)
            time.sleep(milliseconds / 1000)
            process.send_signal(signal.SIGKILL)
        backups = catalog.backups()
        assert backups
        assert all(backup.copies == UNPROVED for backup in backups)
        assert [backup.id for backup in backups] == [e.subject for e in catalog.log()]
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
