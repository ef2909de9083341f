"""``validate``: are the policy files right?"""

from dataclasses import asdict

import click

from orchestrator.cli.exit_codes import ExitCode
from orchestrator.cli.loading import print_problems, refusal
from orchestrator.cli.options import json_option, not_supported_yet
from orchestrator.cli.rendering import count, print_error, print_json
from orchestrator.policy.load import LoadedPolicies, load_policies
from orchestrator.settings import Settings


@click.command("validate")
@click.option(
    "--without-secrets",
    is_flag=True,
    help="Do not ask for the values of ${env:} and ${file:}, as in CI.",
)
@not_supported_yet("--online", takes_value=False)
@json_option
@click.pass_obj
def command(settings: Settings, *, without_secrets: bool, as_json: bool) -> int:
    """Check the policy files and report every problem as file:line:column."""
    loaded = load_policies(
        settings.policies, environment=settings.environment, without_secrets=without_secrets
    )
    if as_json:
        print_json(_document(loaded))
    else:
        print_problems(loaded.problems)
        print_problems(loaded.warnings, prefix="warning: ")
    if loaded.desired is None:
        if not as_json:
            print_error(refusal(settings, loaded))
        return ExitCode.INVALID_POLICY
    if not as_json:
        policies = loaded.desired.policies.values()
        series = sum(len(policy.series) for policy in policies)
        click.echo(f"valid: {count(len(policies), 'policy', 'policies')}, {series} series")
    return ExitCode.DONE


def _document(loaded: LoadedPolicies) -> dict[str, object]:
    return {
        "version": 1,
        "valid": loaded.desired is not None,
        "problems": [asdict(problem) for problem in loaded.problems],
        "warnings": [asdict(warning) for warning in loaded.warnings],
    }
