"""``alerts``: what was said, what waits, and whether the channels work."""

import click

from orchestrator.cli.alerts.listing import list_command
from orchestrator.cli.alerts.testing import test_command


@click.group("alerts")
def command() -> None:
    """Show the outbox, or send a real message to see whether a channel works."""


command.add_command(list_command)
command.add_command(test_command)
