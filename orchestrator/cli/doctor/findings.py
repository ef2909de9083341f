"""Findings of `validate --online` and `doctor`: printed, as JSON, and as an exit code."""

from collections.abc import Sequence

import click

from orchestrator.cli.exit_codes import ExitCode, code_of_kinds
from orchestrator.cli.rendering import printable
from orchestrator.errors import Kind
from orchestrator.ports.preflight import Finding, Severity


def exit_code_of(findings: Sequence[Finding]) -> ExitCode:
    """Return 0 without a problem; 69 if all are places that cannot be reached, 3 if only some are.

    Problems of one other kind have its code; else it is 1.
    """
    kinds = {
        finding.kind or Kind.FAILED for finding in findings if finding.severity is Severity.PROBLEM
    }
    if len(kinds) > 1 and Kind.UNREACHABLE not in kinds:
        return ExitCode.FAILED
    return code_of_kinds(kinds)


def print_findings(findings: Sequence[Finding]) -> None:
    """Print problems and warnings to stderr, notes to stdout, each with what to do about it."""
    for finding in findings:
        is_note = finding.severity is Severity.NOTE
        label = "PROBLEM" if finding.severity is Severity.PROBLEM else finding.severity.value
        code = f" [{finding.code}]" if finding.code else ""
        click.echo(printable(f"{label}: {finding.subject}: {finding.what}{code}"), err=not is_note)
        for line in finding.next_step.splitlines():
            click.echo(printable(f"  {line.strip()}"), err=not is_note)


def finding_as_json(finding: Finding) -> dict[str, str]:
    """Return a finding as a JSON document."""
    return {
        "severity": finding.severity.value,
        "subject": finding.subject,
        "code": finding.code,
        "what": finding.what,
        "next_step": finding.next_step,
    }
