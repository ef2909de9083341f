"""A command that the tests fork is the command that users start."""

from pathlib import Path

import pytest

from tests.support.command_line import Workplace
from tests.support.postgres import eventually
from tests.support.warm_command import warm_command

NOWHERE = "postgresql://app:hidden@127.0.0.1:9/app"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["validate"], 0),
        (["schema"], 0),
        (["list", "--json"], 0),
        (["show", "latest"], 64),
        (["nonsense"], 64),
        (["restore", "--help"], 0),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, list) else str(value),
)
def test_it_prints_and_ends_as_a_fresh_one(tmp_path: Path, arguments: list[str], code: int):
    place = Workplace(tmp_path, NOWHERE)
    with place.start(*arguments) as process:
        out, err = process.communicate()
    forked = warm_command().run(
        arguments, folder=tmp_path, environment=place.environment, within=60
    )
    assert (process.returncode, out, err) == forked
    assert process.returncode == code


def test_it_sees_its_own_environment_alone(tmp_path: Path):
    place = Workplace(tmp_path, NOWHERE)
    given = {name: value for name, value in place.environment.items() if name != "DATABASE_URL"}
    code, _, err = warm_command().run(["validate"], folder=tmp_path, environment=given, within=60)
    assert code == 65
    assert "DATABASE_URL" in err


def test_it_is_killed_when_it_does_not_end_in_time(tmp_path: Path):
    place = Workplace(tmp_path, NOWHERE)
    with pytest.raises(TimeoutError):
        warm_command().run(["run"], folder=tmp_path, environment=place.environment, within=1)
    eventually(lambda: processes_in(tmp_path) == [])


def processes_in(folder: Path) -> list[str]:
    """Return the processes whose directory this is."""
    found = (entry for entry in Path("/proc").iterdir() if entry.name.isdigit())
    return [entry.name for entry in found if stands_in(entry / "cwd", folder)]


def stands_in(link: Path, folder: Path) -> bool:
    try:
        return link.readlink() == folder
    except OSError:
        return False
