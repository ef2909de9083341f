"""``validate``: are the policy files right, and, if asked, is what they name there and usable?"""

from collections.abc import Sequence
from dataclasses import asdict, replace

import click

from orchestrator.cli.doctor.findings import exit_code_of, finding_as_json, print_findings
from orchestrator.cli.exit_codes import ExitCode
from orchestrator.cli.loading import print_problems, refusal
from orchestrator.cli.options import json_option
from orchestrator.cli.rendering import print_error, print_json
from orchestrator.errors import CatalogError, UsageError
from orchestrator.execution.preflight.inspect_everything import inspect_everything
from orchestrator.model.policy import DesiredState
from orchestrator.planning.phrases import count
from orchestrator.policy.load import LoadedPolicies, load_policies
from orchestrator.ports.preflight import Finding, Severity, problem
from orchestrator.ports.progress import SilentProgress
from orchestrator.settings import Settings


@click.command("validate")
@click.option(
    "--without-secrets",
    is_flag=True,
    help="Do not ask for the values of ${env:} and ${file:}, as in CI.",
)
@click.option(
    "--online",
    is_flag=True,
    help="Also connect: versions, privileges, tables, destinations by effect, channels by form.",
)
@json_option
@click.pass_obj
def command(settings: Settings, *, without_secrets: bool, online: bool, as_json: bool) -> int:
    """Check the policy files and report every problem as file:line:column.

    With --online also try what they name: every server and database with everything that a backup
    would be refused for, every destination by writing, reading and removing an object, and every
    channel by its form; no message is sent. The exit code is 69 if nothing is wrong but that a
    server or destination cannot be reached, and 3 if other problems come on top of that.
    """
    if online and without_secrets:
        raise UsageError(
            "--online connects, which needs the secrets", next_step="leave --without-secrets out"
        )
    loaded = load_policies(
        settings.policies, environment=settings.environment, without_secrets=without_secrets
    )
    if not as_json:
        print_problems(loaded.problems)
        print_problems(loaded.warnings, prefix="warning: ")
    findings = _inspect(settings, loaded.desired) if online and loaded.desired is not None else None
    if as_json:
        print_json(_document(loaded, findings))
    elif loaded.desired is not None:
        _print(loaded.desired, findings)
    else:
        print_error(refusal(settings, loaded))
    if loaded.desired is None:
        return ExitCode.INVALID_POLICY
    return exit_code_of(findings or ())


def _inspect(settings: Settings, desired: DesiredState) -> tuple[Finding, ...]:
    # Whoever only has files checked need not load what connects to databases.
    from orchestrator.wiring import (  # noqa: PLC0415 - as said above
        build_execution,
        build_forgetful_execution,
        channel_inspector,
        source_inspector,
    )

    sources, channels = source_inspector(settings), channel_inspector()
    try:
        execution = build_execution(settings, desired, SilentProgress())
        return inspect_everything(execution, sources, channels)
    except CatalogError as error:
        # What is ours at the destinations only the catalog knows; all else can be looked at.
        execution = build_forgetful_execution(settings, desired)
        without = replace(desired, destinations={})
        found = inspect_everything(replace(execution, desired=without), sources, channels)
        return (problem("catalog", error), *found)


def _print(desired: DesiredState, findings: Sequence[Finding] | None) -> None:
    policies = desired.policies.values()
    series = sum(len(policy.series) for policy in policies)
    patterns = sum(len(policy.source.patterns) for policy in policies)
    more = f", {count(patterns, 'pattern of databases', 'patterns of databases')}"
    click.echo(
        f"valid: {count(len(policies), 'policy', 'policies')}, {series} series"
        f"{more if patterns else ''}"
    )
    if findings is None:
        return
    print_findings(findings)
    counted = {
        severity: sum(finding.severity is severity for finding in findings) for severity in Severity
    }
    click.echo(
        f"online: {count(counted[Severity.PROBLEM], 'problem')},"
        f" {count(counted[Severity.WARNING], 'warning')}"
    )


def _document(loaded: LoadedPolicies, findings: Sequence[Finding] | None) -> dict[str, object]:
    document: dict[str, object] = {
        "version": 1,
        "valid": loaded.desired is not None,
        "problems": [asdict(problem) for problem in loaded.problems],
        "warnings": [asdict(warning) for warning in loaded.warnings],
    }
    if findings is not None:
        document["online"] = [finding_as_json(finding) for finding in findings]
    return document
