"""``apply``: one full pass."""

import click

from orchestrator.cli.loading import load_or_refuse
from orchestrator.cli.options import json_option, not_supported_yet
from orchestrator.cli.outcomes import (
    delivery_as_json,
    exit_code_of,
    outcome_as_json,
    print_outcomes,
)
from orchestrator.cli.progress import terminal_progress
from orchestrator.cli.rendering import print_json, printable
from orchestrator.reconciler.cycle import PassResult, run_pass
from orchestrator.settings import Settings
from orchestrator.wiring import build_execution


@click.command("apply")
@not_supported_yet("--allow-prune")
@json_option
@click.pass_obj
def command(settings: Settings, *, as_json: bool) -> int:
    """Make one full pass: take the backups that are due, prove them, tell who must know.

    The same plan that `plan` shows. Running it twice does nothing the second time, and running it
    again after a failure or a crash goes on from there.
    """
    execution = build_execution(settings, load_or_refuse(settings), terminal_progress())
    result = run_pass(execution)
    if as_json:
        print_json(_document(result))
    else:
        _print_result(result)
    return exit_code_of(result.outcomes)


def _print_result(result: PassResult) -> None:
    print_outcomes(result.outcomes, result.deliveries)
    if not result.outcomes:
        click.echo("nothing to do: reality matches the policies")
        for skipped in result.plan.skipped:
            click.echo(printable(f"  {skipped.series}: {skipped.reason}"))


def _document(result: PassResult) -> dict[str, object]:
    return {
        "version": 1,
        "outcomes": [outcome_as_json(outcome) for outcome in result.outcomes],
        "alerts": [delivery_as_json(delivery) for delivery in result.deliveries],
    }
