"""From policy files to a desired state, with every problem shown."""

import click

from orchestrator.cli.rendering import printable
from orchestrator.errors import InvalidPolicyError
from orchestrator.model.policy import DesiredState
from orchestrator.policy.load import LoadedPolicies, load_policies
from orchestrator.settings import Settings


def load_or_refuse(settings: Settings) -> DesiredState:
    """Return the desired state; its warnings go to stderr.

    Raises:
        InvalidPolicyError: the files have problems, each printed to stderr before.
    """
    loaded = load_policies(settings.policies, environment=settings.environment)
    print_problems(loaded)
    if loaded.desired is None:
        raise refusal(settings, loaded)
    return loaded.desired


def print_problems(loaded: LoadedPolicies) -> None:
    """Print problems and warnings to stderr, one to a line, as ``file:line:column: …``."""
    for problem in loaded.problems:
        click.echo(printable(str(problem)), err=True)
    for warning in loaded.warnings:
        click.echo(printable(f"warning: {warning}"), err=True)


def refusal(settings: Settings, loaded: LoadedPolicies) -> InvalidPolicyError:
    """Return the error that stands for all problems of the files."""
    count = len(loaded.problems)
    return InvalidPolicyError(
        f"{count} problem{'s' if count != 1 else ''} in {settings.policies}; nothing was done",
        next_step="correct what is listed above; `orchestrator schema` describes every key",
    )
