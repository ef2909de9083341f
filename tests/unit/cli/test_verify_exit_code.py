"""What `verify` tells the shell when several copies cannot be read."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from click.testing import CliRunner

from orchestrator.cli import verify_command
from orchestrator.cli.exit_codes import ExitCode
from orchestrator.errors import (
    DestinationError,
    DestinationPermissionError,
    DestinationUnreachableError,
)
from orchestrator.execution.executor import execute
from tests.unit.execution.world import World, by_hand


def an_error(kind: type[DestinationError]) -> DestinationError:
    return kind("destination 'local' does not answer", next_step="look there")


UNREACHABLE = an_error(DestinationUnreachableError)
FORBIDDEN = an_error(DestinationPermissionError)


def verify_all(monkeypatch: pytest.MonkeyPatch, *broken: DestinationError) -> int:
    """Run `verify --all` on as many backups as there are errors, each of which meets one."""
    world = World()
    for _ in broken:
        execute(by_hand(), world.process())
        world.wait(timedelta(minutes=1))
    errors: Iterator[DestinationError] = iter(broken)

    def break_each(call: str) -> None:
        if call == "read":
            raise next(errors)

    monkeypatch.setattr(verify_command, "load_or_refuse", lambda _: world.desired)
    monkeypatch.setattr(verify_command, "build_execution", lambda *_: world.process(break_each))
    answer = CliRunner().invoke(verify_command.command, ["--all"], standalone_mode=False)
    return int(answer.return_value)


def test_one_cause_of_several_errors_keeps_its_code(monkeypatch: pytest.MonkeyPatch):
    assert verify_all(monkeypatch, UNREACHABLE, UNREACHABLE) == ExitCode.UNREACHABLE


@pytest.mark.parametrize("errors", [(UNREACHABLE, FORBIDDEN), (FORBIDDEN, UNREACHABLE)])
def test_several_causes_are_partly_done_whichever_came_first(
    monkeypatch: pytest.MonkeyPatch, errors: tuple[DestinationError, ...]
):
    assert verify_all(monkeypatch, *errors) == ExitCode.PARTLY_DONE


def test_without_any_error_it_is_done(monkeypatch: pytest.MonkeyPatch):
    world = World()
    execute(by_hand(), world.process())
    monkeypatch.setattr(verify_command, "load_or_refuse", lambda _: world.desired)
    monkeypatch.setattr(verify_command, "build_execution", lambda *_: world.process())
    answer = CliRunner().invoke(verify_command.command, [], standalone_mode=False)
    assert answer.return_value == ExitCode.DONE
