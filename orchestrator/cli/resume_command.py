"""``resume``: the end of a pause before its time."""

import click

from orchestrator.cli.loading import load_or_refuse, policy_named
from orchestrator.cli.rendering import printable
from orchestrator.model.names import PolicyName
from orchestrator.model.run import LogAction, LogOutcome
from orchestrator.ports.progress import SilentProgress
from orchestrator.settings import Settings
from orchestrator.wiring import build_execution


@click.command("resume")
@click.argument("policy")
@click.pass_obj
def command(settings: Settings, *, policy: str) -> None:
    """End the pause of POLICY now; what became due meanwhile is made up for by the next pass."""
    desired = load_or_refuse(settings)
    execution = build_execution(settings, desired, SilentProgress())
    name = PolicyName(policy)
    if not any(pause.policy == name for pause in execution.reader.pauses()):
        # A policy that is not there may have a pause left, but not the other way round.
        policy_named(desired, policy)
    was_paused = execution.writer.record_resumed(
        name, execution.log_entry(LogAction.RESUME, name, LogOutcome.SUCCEEDED)
    )
    click.echo(printable(f"{name} is resumed" if was_paused else f"{name} was not paused"))
