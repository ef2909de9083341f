from pathlib import Path

import pytest

from orchestrator.cli.doctor.files import inspect_files
from orchestrator.cli.doctor.surroundings import inspect_room, inspect_tools
from orchestrator.settings import Settings


def a_place(tmp_path: Path) -> Settings:
    home, policies, state = tmp_path / "home", tmp_path / "policies", tmp_path / "state"
    for folder in (home, policies, state):
        folder.mkdir(mode=0o700)
    for file in (home / ".pgpass", policies / "a.yaml", state / "catalog.sqlite3"):
        file.touch(mode=0o600)
    return Settings(policies=policies, state=state, catalog=None, environment={"HOME": str(home)})


def test_files_of_their_owner_alone_are_right(tmp_path: Path):
    assert list(inspect_files(a_place(tmp_path), None)) == []


@pytest.mark.parametrize(
    ("path", "mode", "remedy"),
    [
        ("home/.pgpass", 0o640, "chmod 0600"),
        ("policies/a.yaml", 0o666, "chmod go-w"),
        ("policies", 0o770, "chmod go-w"),
        ("state", 0o755, "chmod go-rwx"),
        ("state/catalog.sqlite3", 0o604, "chmod go-rwx"),
    ],
)
def test_what_others_may_read_or_change_is_named_with_the_command(
    path: str, mode: int, remedy: str, tmp_path: Path
):
    settings = a_place(tmp_path)
    (tmp_path / path).chmod(mode)
    (found,) = inspect_files(settings, None)
    assert str(tmp_path / path) in found.what
    assert found.next_step == f"{remedy} {tmp_path / path}"


def test_everybody_may_read_the_policies(tmp_path: Path):
    settings = a_place(tmp_path)
    (settings.policies / "a.yaml").chmod(0o644)
    assert list(inspect_files(settings, None)) == []


def test_tools_that_a_restore_by_hand_needs_are_missed(tmp_path: Path):
    missing = {found.what.split()[0] for found in inspect_tools({"PATH": str(tmp_path)})}
    assert missing == {"psql", "zstd", "jq", "age"}


def test_the_room_of_a_state_that_is_not_there_yet_is_that_of_its_parent(tmp_path: Path):
    (found,) = inspect_room(tmp_path / "not" / "yet")
    assert str(tmp_path) in found.what
