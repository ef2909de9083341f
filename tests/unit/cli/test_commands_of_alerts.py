"""Every command that an alert names is one that the program takes as it stands."""

import shlex

import click
import pytest

from orchestrator.cli.main import cli
from orchestrator.model.alert import Alert
from tests.support.every_trouble import CASES, a_digest, commands_of, tell

BLANKS = {"N": "42"}
"""What stands for something that only the reader knows."""

TOLD = {name: list(tell(case)) for name, case in CASES.items()} | {"digest": [a_digest()]}


def parse(command: str) -> None:
    """Let click take the command apart, with the options and arguments of its verb."""
    program, *words = shlex.split(command)
    assert program == "orchestrator"
    verb: click.Command = cli
    context = click.Context(cli, info_name=program)
    while isinstance(verb, click.Group):
        found = verb.get_command(context, words[0])
        assert found is not None, command
        verb, words = found, words[1:]
    given = [BLANKS.get(word, word) for word in words]
    verb.make_context(verb.name, given, parent=context)


@pytest.mark.parametrize("name", TOLD)
def test_every_command_that_an_alert_names_is_taken(name: str):
    for alert in TOLD[name]:
        for command in commands_of(alert):
            parse(command)


@pytest.mark.parametrize(
    "wrong", ["orchestrator verify --al", "orchestrator nothing", "orchestrator acknowledge x"]
)
def test_a_command_that_the_program_does_not_take_would_be_found(wrong: str):
    with pytest.raises((click.UsageError, AssertionError)):
        parse(wrong)


@pytest.mark.parametrize("name", TOLD)
def test_a_command_that_shows_a_backup_says_of_which_database(name: str):
    """With several databases `latest` alone is ambiguous (ORC-120)."""

    def is_plain(alert: Alert) -> bool:
        return all("latest" not in one or "--database" in one for one in commands_of(alert))

    assert all(map(is_plain, TOLD[name]))
