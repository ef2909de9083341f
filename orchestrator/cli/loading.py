"""From policy files to a desired state, with every problem shown."""

from collections.abc import Sequence

import click

from orchestrator.cli.rendering import printable
from orchestrator.errors import InvalidPolicyError, UsageError
from orchestrator.model.names import PolicyName
from orchestrator.model.policy import DesiredState, Policy
from orchestrator.policy.load import LoadedPolicies, load_policies
from orchestrator.policy.problems import Problem
from orchestrator.settings import Settings


def load_or_refuse(settings: Settings, *, with_warnings: bool = False) -> DesiredState:
    """Return the desired state; what is merely doubtful in it is for `validate` and `plan` to say.

    Raises:
        InvalidPolicyError: the files have problems, each printed to stderr before.
    """
    loaded = load_policies(settings.policies, environment=settings.environment)
    print_problems(loaded.problems)
    if with_warnings:
        print_problems(loaded.warnings, prefix="warning: ")
    if loaded.desired is None:
        raise refusal(settings, loaded)
    return loaded.desired


def policy_named(desired: DesiredState, name: str) -> Policy:
    """Return the policy of that name.

    Raises:
        UsageError: there is none; the next step lists those that there are.
    """
    policy = desired.policies.get(PolicyName(name))
    if policy is None:
        raise UsageError(
            f"there is no policy {name!r}",
            next_step=f"the policies are: {', '.join(sorted(desired.policies))}",
        )
    return policy


def print_problems(problems: Sequence[Problem], *, prefix: str = "") -> None:
    """Print problems to stderr, one to a line, as ``file:line:column: …``."""
    for problem in problems:
        click.echo(printable(f"{prefix}{problem}"), err=True)


def refusal(settings: Settings, loaded: LoadedPolicies) -> InvalidPolicyError:
    """Return the error that stands for all problems of the files."""
    count = len(loaded.problems)
    return InvalidPolicyError(
        f"{count} problem{'s' if count != 1 else ''} in {settings.policies}; nothing was done",
        next_step="correct what is listed above; `orchestrator schema` describes every key",
    )
