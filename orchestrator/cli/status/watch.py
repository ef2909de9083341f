"""`status --watch`: the same again and again, in place on a terminal and line after line elsewhere."""

import os
import sys
from collections.abc import Callable

import click

from orchestrator.cli.rendering import format_utc, print_error, print_table, printable
from orchestrator.cli.status.table import (
    PLACES,
    PROMISES,
    notes,
    rows_of_places,
    rows_of_promises,
)
from orchestrator.errors import OrchestratorError
from orchestrator.ports.clock import Sleeper
from orchestrator.reconciler.monitoring.look_at_health import Health


def print_status(health: Health) -> None:
    """Print everything once."""
    print_table(PROMISES, rows_of_promises(health))
    places = rows_of_places(health)
    if places:
        click.echo()
        print_table(PLACES, places)
    for line in notes(health):
        click.echo(printable(line))


def watch(look: Callable[[], Health], sleeper: Sleeper, *, seconds: float) -> None:
    """Show what ``look`` sees, again every so many seconds, until somebody interrupts.

    What cannot be looked at is said and looked at again.
    """
    try:
        if sys.stdout.isatty() and "NO_COLOR" not in os.environ:
            from orchestrator.cli.status.terminal import watch_in_place  # noqa: PLC0415 - rich

            watch_in_place(look, sleeper, seconds)
        else:
            _watch_in_lines(look, sleeper, seconds)
    except KeyboardInterrupt:
        return


def _watch_in_lines(look: Callable[[], Health], sleeper: Sleeper, seconds: float) -> None:
    while True:
        try:
            health = look()
        except OrchestratorError as error:
            print_error(error)
        else:
            click.echo(f"--- {format_utc(health.seen.now)}")
            print_status(health)
        sys.stdout.flush()
        sleeper.sleep(seconds)
