"""A full disk is said, wherever it is met; only a reader who went away is told nothing."""

import errno
import os
import subprocess
import sys
from pathlib import Path
from typing import IO

import pytest

from orchestrator.cli import main
from orchestrator.cli.exit_codes import ExitCode


def run_schema(
    stdout: IO[bytes] | int, stderr: IO[bytes] | int
) -> subprocess.CompletedProcess[bytes]:
    """Print more than a buffer holds, as a user would."""
    program = [sys.executable, "-m", "orchestrator", "schema"]
    return subprocess.run(program, stdout=stdout, stderr=stderr, check=False)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_file_that_did_not_fit_is_said(
    number: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
):
    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Path, "write_text", refuse)
    code = main.run(["--policies", str(tmp_path), "init"])
    assert code is ExitCode.FAILED
    said = capfd.readouterr().err
    assert os.strerror(number) in said
    assert "[ORC-902]" in said


def test_output_that_did_not_fit_is_said():
    with Path("/dev/full").open("wb") as full:
        answer = run_schema(full, subprocess.PIPE)
    assert answer.returncode == ExitCode.FAILED
    assert b"[ORC-902]" in answer.stderr
    assert b"Traceback" not in answer.stderr


def test_where_errors_do_not_fit_either_the_exit_code_says_it():
    with Path("/dev/full").open("wb") as full:
        assert run_schema(full, full).returncode == ExitCode.FAILED


def test_a_reader_that_went_away_is_told_nothing():
    reading, writing = os.pipe()
    os.close(reading)
    answer = run_schema(writing, subprocess.PIPE)
    os.close(writing)
    assert (answer.returncode, answer.stderr) == (ExitCode.FAILED, b"")
