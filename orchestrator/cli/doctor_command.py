"""``doctor``: is this machine fit for backups?"""

from collections.abc import Iterator

import click

from orchestrator.cli.doctor.files import inspect_files
from orchestrator.cli.doctor.findings import finding_as_json, print_findings
from orchestrator.cli.doctor.surroundings import inspect_clock, inspect_room, inspect_tools
from orchestrator.cli.exit_codes import ExitCode
from orchestrator.cli.options import json_option
from orchestrator.cli.rendering import print_json
from orchestrator.errors import InvalidPolicyError, OrchestratorError
from orchestrator.policy.load import load_policies
from orchestrator.ports.preflight import Finding, Severity, problem
from orchestrator.settings import Settings
from orchestrator.wiring import describe_catalog, source_inspector


@click.command("doctor")
@json_option
@click.pass_obj
def command(settings: Settings, *, as_json: bool) -> int:
    """Look at this machine: client programs, clock, permissions, disk, catalog, servers.

    Client programs with known holes are reported, not refused. Exits with 1 if there is a problem;
    warnings and notes alone are no failure. `validate --online` looks at databases and places.
    """
    ranks = list(Severity)
    once = dict.fromkeys(_examine(settings))
    findings = sorted(once, key=lambda finding: ranks.index(finding.severity))
    is_well = all(finding.severity is not Severity.PROBLEM for finding in findings)
    if as_json:
        found = [finding_as_json(finding) for finding in findings]
        print_json({"version": 1, "well": is_well, "findings": found})
    else:
        print_findings(findings)
        click.echo("this machine is fit for backups" if is_well else "this machine needs care")
    return ExitCode.DONE if is_well else ExitCode.FAILED


def _examine(settings: Settings) -> Iterator[Finding]:
    inspector = source_inspector(settings)
    yield from inspector.inspect_programs()
    yield from inspect_tools(settings.environment)
    yield from inspect_clock()
    yield from inspect_room(settings.state)
    yield from _inspect_catalog(settings)
    if not settings.policies.is_dir():
        note = f"there is no directory {settings.policies} yet; `orchestrator init` makes one"
        yield Finding(severity=Severity.NOTE, subject="policies", what=note)
        return
    loaded = load_policies(settings.policies, environment=settings.environment)
    yield from inspect_files(settings, loaded.desired)
    if loaded.desired is None:
        error = InvalidPolicyError(
            f"the policy files in {settings.policies} have problems",
            next_step="`orchestrator validate` shows each",
        )
        yield problem("policies", error)
        return
    for policy in loaded.desired.policies.values():
        yield from inspector.inspect_server(policy)


def _inspect_catalog(settings: Settings) -> Iterator[Finding]:
    try:
        yield Finding(severity=Severity.NOTE, subject="catalog", what=describe_catalog(settings))
    except OrchestratorError as error:
        yield problem("catalog", error)
