"""``backup``: one now, whatever the schedule says."""

import click

from orchestrator.cli.catalog_alarm import catalog_alarm
from orchestrator.cli.loading import load_or_refuse, policy_named
from orchestrator.cli.options import json_option
from orchestrator.cli.outcomes import (
    delivery_as_json,
    exit_code_of,
    outcome_as_json,
    print_outcomes,
)
from orchestrator.cli.progress import terminal_progress
from orchestrator.cli.rendering import print_json
from orchestrator.errors import UsageError
from orchestrator.execution.error_report import error_of
from orchestrator.execution.find_databases import with_databases
from orchestrator.model.actions import TakeBackup
from orchestrator.model.backup import RunReason, Trigger
from orchestrator.model.policy import DesiredState
from orchestrator.reconciler.carry_out import carry_out
from orchestrator.reconciler.passes import note_missed
from orchestrator.settings import Settings
from orchestrator.wiring import build_execution


@click.command("backup")
@click.argument("policy")
@click.option("--database", help="Only this database of the policy.")
@json_option
@click.pass_obj
def command(settings: Settings, *, policy: str, database: str | None, as_json: bool) -> int:
    """Take a backup of every database of POLICY now, in the same way as a scheduled one."""
    desired = load_or_refuse(settings)
    with catalog_alarm(desired, settings):
        execution = with_databases(build_execution(settings, desired, terminal_progress()))
        actions = actions_by_hand(execution.desired, policy, database)
        note_missed(execution)
        outcomes, deliveries = carry_out(actions, execution)
    if as_json:
        print_json(
            {
                "version": 1,
                "outcomes": [outcome_as_json(outcome) for outcome in outcomes],
                "alerts": [delivery_as_json(delivery) for delivery in deliveries],
            }
        )
    else:
        print_outcomes(outcomes, deliveries)
    return exit_code_of(outcomes)


def actions_by_hand(
    desired: DesiredState, policy_name: str, database: str | None
) -> list[TakeBackup]:
    """Return a backup by hand of each series of a policy, or of one of its databases.

    Raises:
        UsageError: there is no such policy, or it has no such database.
        OrchestratorError: it is not known what its patterns stand for, or they stand for nothing.
    """
    policy = policy_named(desired, policy_name)
    chosen = [series for series in policy.series if database in (None, series.database)]
    if not chosen and policy.source.found.trouble is not None:
        raise error_of(policy.source.found.trouble)
    if not chosen:
        raise UsageError(
            f"policy {policy_name!r} has no database {database!r}",
            next_step=f"its databases are: {', '.join(policy.source.databases)}",
        )
    return [
        TakeBackup(
            series=series,
            run_reason=RunReason(trigger=Trigger.MANUAL),
            destinations=policy.destinations,
            verify_to=policy.after_backup,
            reason="asked for by hand",
        )
        for series in chosen
    ]
