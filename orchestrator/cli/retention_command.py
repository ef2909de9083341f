"""``retention``: what keeps a backup, and what the rules come to over time."""

import click

from orchestrator.cli.retention.explain import explain_command
from orchestrator.cli.retention.simulate import simulate_command


@click.group("retention")
def command() -> None:
    """Say what keeps a backup, or walk the rules through virtual time. Nothing is changed."""


command.add_command(explain_command)
command.add_command(simulate_command)
