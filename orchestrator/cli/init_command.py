"""``init``: a commented first policy, and what to do next."""

import shlex

import click

from orchestrator.errors import UsageError
from orchestrator.policy.first_policy import FIRST_POLICY
from orchestrator.settings import Settings

_FILE = "first.yaml"


@click.command("init")
@click.pass_obj
def command(settings: Settings) -> None:
    """Write a commented first policy and print the next three steps.

    Nothing is overwritten: a directory that has policy files already is left as it is.
    """
    directory = settings.policies
    if directory.is_dir() and any(directory.glob("*.y*ml")):
        raise UsageError(
            f"{directory} has policy files already",
            next_step=f"edit them and run `orchestrator --policies {directory} validate`",
        )
    directory.mkdir(parents=True, exist_ok=True)
    file = directory / _FILE
    file.write_text(FIRST_POLICY, encoding="utf-8")
    click.echo(f"Wrote {file}. Next:")
    click.echo(f"  1. Read {file}, and set the environment variables that it names.")
    options = f" --policies {shlex.quote(str(directory))}" if str(directory) != "policies" else ""
    click.echo(f"  2. orchestrator{options} validate    # is it right?")
    click.echo(f"  3. orchestrator{options} plan        # what would happen, and why; then: apply")
