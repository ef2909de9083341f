"""A directory of policy files, watched for changes."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.policy.directory import PolicyDirectory


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    for name in ("a.yaml", "team/b.yml", ".git/c.yaml", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("version: 1\n")
    return tmp_path


def rewrite(directory: Path) -> None:
    # Same size, same time: only the inode tells.
    path = directory / "a.yaml"
    (directory / "new").write_text("version: 2\n")
    times = path.stat()
    os.utime(directory / "new", ns=(times.st_atime_ns, times.st_mtime_ns))
    (directory / "new").replace(path)


CHANGES: dict[str, Callable[[Path], object]] = {
    "written": lambda place: (place / "a.yaml").write_text("version: 1\n\n"),
    "replaced": rewrite,
    "added": lambda place: (place / "team" / "d.yaml").write_text(""),
    "removed": lambda place: (place / "team" / "b.yml").unlink(),
    "folder": lambda place: (place / "more").mkdir(),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_of_any_policy_file_changes_the_fingerprint(directory: Path, change: str):
    files = PolicyDirectory(directory, {})
    before = files.fingerprint()
    assert files.fingerprint() == before
    CHANGES[change](directory)
    assert files.fingerprint() != before


def test_other_files_and_hidden_ones_change_nothing(directory: Path):
    files = PolicyDirectory(directory, {})
    before = files.fingerprint()
    (directory / "notes.txt").write_text("more")
    (directory / ".git" / "c.yaml").write_text("more")
    (directory / ".a.yaml.swp").write_text("an editor")
    assert files.fingerprint() == before


def test_a_directory_that_is_not_there_has_a_fingerprint_and_a_problem(tmp_path: Path):
    files = PolicyDirectory(tmp_path / "missing", {})
    before = files.fingerprint()
    assert files.read().desired is None
    assert files.read().problems[0].endswith("--policies names another")
    (tmp_path / "missing").mkdir()
    assert files.fingerprint() != before
