"""``plan``: what ``apply`` would do now, and why."""

import click

from orchestrator.cli.exit_codes import ExitCode
from orchestrator.cli.loading import load_or_refuse
from orchestrator.cli.options import json_option, unattended_option
from orchestrator.cli.rendering import print_json, printable
from orchestrator.cli.times import parse_time
from orchestrator.model.plan import Retry
from orchestrator.planning.explain import explain_plan, plan_as_json
from orchestrator.planning.planner import make_plan
from orchestrator.reconciler.observe import observe
from orchestrator.settings import Settings
from orchestrator.wiring import open_reader, system_clock, this_machine


@click.command("plan")
@click.option("--at", metavar="TIME", help="Plan as if it were that time (UTC without an offset).")
@click.option(
    "--detailed-exitcode", is_flag=True, help="Exit with 2 if there is anything to be done."
)
@unattended_option
@json_option
@click.pass_obj
def command(
    settings: Settings,
    *,
    at: str | None,
    detailed_exitcode: bool,
    unattended: bool,
    as_json: bool,
) -> int:
    """Show what `apply` would do now and why, what it would not, and the next slots."""
    desired = load_or_refuse(settings, with_warnings=True)
    observation = observe(
        desired,
        open_reader(settings),
        system_clock(),
        this_machine(),
        at=None if at is None else parse_time(at),
    )
    retry = Retry.BACK_OFF if unattended else Retry.AT_ONCE
    plan = make_plan(desired, observation, retry=retry)
    if as_json:
        print_json(plan_as_json(plan))
    else:
        for line in explain_plan(plan):
            click.echo(printable(line))
    return ExitCode.CHANGES_PENDING if detailed_exitcode and plan.actions else ExitCode.DONE
