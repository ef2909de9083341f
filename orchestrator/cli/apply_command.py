"""``apply``: one full pass."""

import click

from orchestrator.cli.catalog_alarm import catalog_alarm
from orchestrator.cli.loading import load_or_refuse
from orchestrator.cli.options import json_option, unattended_option
from orchestrator.cli.outcomes import (
    delivery_as_json,
    exit_code_of,
    outcome_as_json,
    print_outcomes,
)
from orchestrator.cli.progress import terminal_progress
from orchestrator.cli.rendering import print_json, printable
from orchestrator.model.plan import Retry, SkipKind
from orchestrator.reconciler.cycle import PassResult, run_pass
from orchestrator.settings import Settings
from orchestrator.wiring import build_execution

# Reasons for doing nothing while something is not as the policies want it.
LEFT_UNDONE = frozenset(
    {
        *(SkipKind.LOCKED, SkipKind.MISSED, SkipKind.BACKING_OFF, SkipKind.PAUSED),
        SkipKind.PRUNE_REFUSED,
    }
)


@click.command("apply")
@click.option(
    "--allow-prune",
    metavar="N",
    type=click.IntRange(min=0),
    default=0,
    help="Let N copies go beyond what normal ageing explains.",
)
@unattended_option
@json_option
@click.pass_obj
def command(settings: Settings, *, allow_prune: int, unattended: bool, as_json: bool) -> int:
    """Make one full pass: take what is due, prove it, prune what no rule keeps, tell who must know.

    The same plan that `plan` shows. Running it twice does nothing the second time, and running it
    again after a failure or a crash goes on from there.
    """
    desired = load_or_refuse(settings)
    with catalog_alarm(desired):
        execution = build_execution(settings, desired, terminal_progress())
        retry = Retry.BACK_OFF if unattended else Retry.AT_ONCE
        result = run_pass(execution, retry=retry, allow_prune=allow_prune)
    if as_json:
        print_json(_document(result))
    else:
        _print_result(result)
    return exit_code_of(result.outcomes)


def _print_result(result: PassResult) -> None:
    print_outcomes(result.outcomes, result.deliveries)
    if not result.outcomes:
        is_undone = any(skipped.kind in LEFT_UNDONE for skipped in result.plan.skipped)
        well = "nothing to do: reality matches the policies"
        click.echo("nothing was done:" if is_undone else well)
        for skipped in result.plan.skipped:
            click.echo(printable(f"  {skipped.series}: {skipped.reason}"))


def _document(result: PassResult) -> dict[str, object]:
    return {
        "version": 1,
        "outcomes": [outcome_as_json(outcome) for outcome in result.outcomes],
        "alerts": [delivery_as_json(delivery) for delivery in result.deliveries],
    }
