"""``apply``: one full pass."""

from dataclasses import asdict, replace
from pathlib import Path

import click

from orchestrator.cli.catalog_alarm import catalog_alarm
from orchestrator.cli.exit_codes import ExitCode
from orchestrator.cli.metrics_file import metrics_option, metrics_to
from orchestrator.cli.options import allow_prune_option, json_option, unattended_option
from orchestrator.cli.outcomes import (
    delivery_as_json,
    exit_code_of,
    outcome_as_json,
    print_outcomes,
)
from orchestrator.cli.policy_alarm import load_or_alarm
from orchestrator.cli.progress import terminal_progress
from orchestrator.cli.rendering import print_json, printable
from orchestrator.errors import SourceUnreachableError
from orchestrator.model.plan import Retry, SkipKind, Skipped
from orchestrator.planning.changes.explain import changes_as_json, say_change
from orchestrator.reconciler.passes import PassResult, run_pass
from orchestrator.settings import Settings
from orchestrator.wiring import build_execution

# Reasons for doing nothing while something is not as the policies want it.
LEFT_UNDONE = frozenset(
    {
        SkipKind.LOCKED,
        SkipKind.MISSED,
        SkipKind.BACKING_OFF,
        SkipKind.PAUSED,
        SkipKind.GONE,
        SkipKind.PRUNE_REFUSED,
        SkipKind.RENAME_REFUSED,
    }
)


@click.command("apply")
@allow_prune_option
@unattended_option
@metrics_option
@json_option
@click.pass_obj
def command(
    settings: Settings,
    *,
    allow_prune: int,
    unattended: bool,
    metrics_file: Path | None,
    as_json: bool,
) -> int:
    """Make one full pass: take what is due, prove it, prune what no rule keeps, tell who must know.

    The same plan that `plan` shows. Running it twice does nothing the second time, and running it
    again after a failure or a crash goes on from there.
    """
    retry = Retry.BACK_OFF if unattended else Retry.AT_ONCE
    with metrics_to(metrics_file) as metrics:
        desired = load_or_alarm(settings)
        with catalog_alarm(desired, settings):
            execution = build_execution(settings, desired, terminal_progress())
            watched = replace(execution, metrics=metrics)
            result = run_pass(watched, retry=retry, allow_prune=allow_prune)
    if as_json:
        print_json(_document(result))
    else:
        _print_result(result)
    return _exit_code(result)


def _exit_code(result: PassResult) -> ExitCode:
    code = exit_code_of(result.outcomes)
    if result.unlisted:
        return _code_of_unlisted(result, code)
    if result.unsettled is not None:
        return ExitCode.PARTLY_DONE if code is ExitCode.DONE else code
    return ExitCode.REFUSED if code is ExitCode.DONE and _refused(result) else code


def _code_of_unlisted(result: PassResult, code: ExitCode) -> ExitCode:
    """Nobody knows whether a database is missing from the backups: the pass is not done."""
    is_unreachable = all(reason.code == SourceUnreachableError.code for reason in result.unlisted)
    alone = ExitCode.UNREACHABLE if is_unreachable else ExitCode.FAILED
    return alone if code is alone or not result.outcomes else ExitCode.PARTLY_DONE


def _refused(result: PassResult) -> list[Skipped]:
    """Return what was asked for in the policies and is not done: they are the same in every pass."""
    return [one for one in result.plan.skipped if one.kind is SkipKind.RENAME_REFUSED]


def _print_result(result: PassResult) -> None:
    for change in result.plan.changes:
        click.echo(printable(f"applied {say_change(change)}"))
    print_outcomes(result.outcomes, result.deliveries)
    for reason in result.unlisted:
        click.echo(printable(f"FAILED  to list the databases: {reason}"), err=True)
        click.echo(printable(f"        {reason.next_step}"), err=True)
    if result.unsettled is not None:
        click.echo(printable(f"FAILED  to tidy up after that: {result.unsettled}"), err=True)
        click.echo(printable(f"        {result.unsettled.next_step}"), err=True)
    for refused in _refused(result):
        click.echo(printable(f"REFUSED {refused.series}: {refused.reason}"), err=True)
    if not result.outcomes:
        is_undone = bool(result.unlisted) or any(
            skipped.kind in LEFT_UNDONE for skipped in result.plan.skipped
        )
        well = "nothing to do: reality matches the policies"
        click.echo("nothing was done:" if is_undone else well)
        for skipped in result.plan.skipped:
            click.echo(printable(f"  {skipped.series}: {skipped.reason}"))


def _document(result: PassResult) -> dict[str, object]:
    return {
        "version": 1,
        "changes": changes_as_json(result.plan.changes),
        "refused": [
            {"policy": one.series.policy, "database": one.series.database, "reason": one.reason}
            for one in _refused(result)
        ],
        "unlisted": [asdict(reason) for reason in result.unlisted],
        "unsettled": None if result.unsettled is None else asdict(result.unsettled),
        "outcomes": [outcome_as_json(outcome) for outcome in result.outcomes],
        "alerts": [delivery_as_json(delivery) for delivery in result.deliveries],
    }
