"""``status``: every promise of every policy, kept or broken."""

import logging

import click

from orchestrator.cli.exit_codes import ExitCode
from orchestrator.cli.loading import load_or_refuse
from orchestrator.cli.options import json_option
from orchestrator.cli.rendering import print_json
from orchestrator.cli.status.check import check, unknown
from orchestrator.cli.status.document import status_document
from orchestrator.cli.status.watch import print_status, watch
from orchestrator.cli.times import parse_span
from orchestrator.errors import UsageError
from orchestrator.execution.find_databases import look_for_databases
from orchestrator.reconciler.monitoring.look_at_health import Health, look_at_health
from orchestrator.settings import Settings
from orchestrator.wiring import (
    database_lister,
    open_reader,
    system_clock,
    system_sleeper,
    this_machine,
)


@click.command("status")
@click.option("--watch", "is_watch", is_flag=True, help="Show it again and again, until Ctrl-C.")
@click.option(
    "--every",
    default="5s",
    show_default=True,
    metavar="DURATION",
    help="How often --watch looks again.",
)
@click.option(
    "--check",
    "is_check",
    is_flag=True,
    help="For monitoring: one line with figures first, and the exit codes of Nagios plugins.",
)
@json_option
@click.pass_obj
def command(
    settings: Settings, *, is_watch: bool, every: str, is_check: bool, as_json: bool
) -> int:
    """Show every promise of every policy, kept or broken, and the room at the destinations.

    With --check the exit code is 0 if all is well, 1 for a warning (a suspicious or unproved
    backup, little space, a channel that does not work, a failed attempt), 2 if a promise is broken
    or a copy is damaged, and 3 if that cannot be found out.
    """
    if is_check + is_watch + as_json > 1:
        raise UsageError(
            "--check, --watch and --json exclude each other", next_step="give one of them"
        )
    if is_check:
        return _check(settings)
    if is_watch:
        seconds = parse_span("--every", every).total_seconds()
        watch(lambda: _look(settings), system_sleeper(), seconds=seconds)
    elif as_json:
        print_json(status_document(_look(settings)))
    else:
        print_status(_look(settings))
    return ExitCode.DONE


def _look(settings: Settings) -> Health:
    declared, reader = load_or_refuse(settings), open_reader(settings)
    desired = look_for_databases(declared, reader, database_lister(settings))
    return look_at_health(desired, reader, system_clock(), this_machine())


def _check(settings: Settings) -> int:
    try:
        code, lines = check(_look(settings))
    except Exception as error:
        # Any other exit code would say what nobody knows.
        logging.getLogger("orchestrator").debug("check_failed", exc_info=error)
        code, lines = unknown(error)
    for line in lines:
        click.echo(line)
    return code
