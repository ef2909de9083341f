"""The demo is the story that the README promises; it must be true on every machine."""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def temporary() -> Iterator[Path]:
    """A temporary directory that any user may enter and whose path fits a socket's name."""
    with tempfile.TemporaryDirectory(prefix="demo-test-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def _run(temporary: Path, *arguments: str) -> str:
    answer = subprocess.run(
        [sys.executable, "-m", "orchestrator", "demo", *arguments],
        env=os.environ | {"TMPDIR": str(temporary)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return answer.stdout


@pytest.mark.slow
def test_the_demo_tells_its_story_and_removes_what_it_started(temporary: Path):
    story = _run(temporary)
    for command in ("validate", "plan", "apply", "list", "restore latest", "backup practice"):
        assert f"$ orchestrator {command}" in story
    totals = re.search(r"^ *all 21 tables +([\d,]+) +([\d,]+) +([\d,]+)$", story, re.MULTILINE)
    assert totals is not None
    assert totals[1] == totals[3] != totals[2]
    boxed = [line for line in story.splitlines() if line.startswith("│") or "│ [" in line]
    assert any("[CRITICAL] practice/" in line for line in boxed), "a failure, as it arrived"
    assert any("[OK] practice/" in line for line in boxed), "and its end"
    assert "[WARNING] destination local: space is running out" in story
    assert not list(temporary.iterdir())


@pytest.mark.slow
def test_with_keep_the_server_goes_on_until_the_printed_command_ends_it(temporary: Path):
    end = re.search(r"kill -INT (\d+); .*rm -r (\S+)", _run(temporary, "--keep"))
    assert end is not None
    try:
        assert Path(f"/proc/{end[1]}").exists()
        assert (Path(end[2]) / "demo" / "policies" / "practice.yaml").is_file()
    finally:
        subprocess.run(["/bin/sh", "-c", end[0]], check=True)
    assert not list(temporary.iterdir())
