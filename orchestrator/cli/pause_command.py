"""``pause``: nothing is taken for a policy, until a time."""

import click

from orchestrator.cli.loading import load_or_refuse, policy_named
from orchestrator.cli.rendering import printable
from orchestrator.cli.times import parse_time
from orchestrator.errors import UsageError
from orchestrator.model.run import LogAction, LogOutcome
from orchestrator.model.timeline import Pause
from orchestrator.planning.phrases import say_time
from orchestrator.ports.progress import SilentProgress
from orchestrator.settings import Settings
from orchestrator.wiring import build_execution


@click.command("pause")
@click.argument("policy")
@click.option(
    "--until",
    required=True,
    metavar="TIME",
    help="When it ends by itself (in the policy's zone without an offset).",
)
@click.pass_obj
def command(settings: Settings, *, policy: str, until: str) -> None:
    """Take nothing for POLICY until a time; its promises go on, and break if it lasts too long.

    A run that is under way goes on. `orchestrator backup POLICY` still takes one by hand.
    """
    desired = load_or_refuse(settings)
    paused = policy_named(desired, policy)
    execution = build_execution(settings, desired, SilentProgress())
    now, end = execution.clock.now(), parse_time(until, paused.timezone)
    if end <= now:
        raise UsageError(
            f"{say_time(end)} has passed", next_step="name a time in the future, such as tomorrow's"
        )
    actor = execution.machine.whoami()
    execution.writer.record_pause(
        Pause(policy=paused.name, since=now, until=end, by=actor),
        execution.log_entry(
            LogAction.PAUSE, paused.name, LogOutcome.SUCCEEDED, {"until": say_time(end)}
        ),
    )
    click.echo(printable(f"{paused.name} is paused until {say_time(end)}"))
    click.echo(printable(f"  end it earlier with: orchestrator resume {paused.name}"))
