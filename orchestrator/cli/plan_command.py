"""``plan``: what ``apply`` would do now, and why."""

import click

from orchestrator.cli.exit_codes import ExitCode
from orchestrator.cli.loading import load_or_refuse
from orchestrator.cli.options import allow_prune_option, json_option, unattended_option
from orchestrator.cli.rendering import print_json, printable
from orchestrator.cli.times import parse_time
from orchestrator.execution.find_databases import look_for_databases
from orchestrator.model.plan import Retry
from orchestrator.planning.explain import explain_plan, plan_as_json
from orchestrator.planning.planner import make_plan
from orchestrator.reconciler.applying.changes import add_changes
from orchestrator.reconciler.observe import observe
from orchestrator.settings import Settings
from orchestrator.wiring import database_lister, open_reader, system_clock, this_machine


@click.command("plan")
@click.option("--at", metavar="TIME", help="Plan as if it were that time (UTC without an offset).")
@click.option(
    "--detailed-exitcode",
    is_flag=True,
    help="Exit with 2 if there is anything to be done or applied.",
)
@allow_prune_option
@unattended_option
@json_option
@click.pass_obj
def command(
    settings: Settings,
    *,
    at: str | None,
    detailed_exitcode: bool,
    allow_prune: int,
    unattended: bool,
    as_json: bool,
) -> int:
    """Show what `apply` would do now and why, what it would not, and the next slots.

    Also what changed in each policy since the last `apply`, and which copies become expired by that.
    """
    reader = open_reader(settings)
    declared = load_or_refuse(settings, with_warnings=True)
    desired = look_for_databases(declared, reader, database_lister(settings))
    observation = observe(
        desired,
        reader,
        system_clock(),
        this_machine(),
        at=None if at is None else parse_time(at),
        allow_prune=allow_prune,
    )
    retry = Retry.BACK_OFF if unattended else Retry.AT_ONCE
    plan = add_changes(make_plan(desired, observation, retry=retry), desired, reader)
    if as_json:
        print_json(plan_as_json(plan))
    else:
        for line in explain_plan(plan):
            click.echo(printable(line))
    is_pending = bool(plan.actions or plan.changes)
    return ExitCode.CHANGES_PENDING if detailed_exitcode and is_pending else ExitCode.DONE
