"""``catalog``: the program's own memory, built again from a destination, and compared with all."""

import click

from orchestrator.cli.exit_codes import ExitCode, code_of_kinds
from orchestrator.cli.loading import load_or_refuse
from orchestrator.cli.options import json_option
from orchestrator.cli.progress import terminal_progress
from orchestrator.cli.rendering import print_error, print_json, printable
from orchestrator.execution.rebuild.compare_catalog import Comparison, compare_catalog
from orchestrator.execution.rebuild.rebuild_catalog import rebuild_catalog
from orchestrator.execution.rebuild.report import RebuildReport, SeriesReport
from orchestrator.model.names import DestinationName
from orchestrator.settings import Settings
from orchestrator.wiring import build_execution


@click.group("catalog")
def command() -> None:
    """The catalog, which can be lost: the destinations are the truth, and it is built from them."""


@command.command("rebuild")
@click.option("--from", "source", metavar="DESTINATION", required=True, help="Where to read.")
@json_option
@click.pass_obj
def rebuild(settings: Settings, *, source: str, as_json: bool) -> int:
    """Read every backup of a destination into the catalog, from the manifests there alone.

    Copies count as proved to `stored`; `verify --all` proves more. What the catalog knows already
    is merged, not replaced, so the command can be repeated. Nothing is written to the destination,
    and nothing of a rebuilt series is pruned before somebody acknowledges one of its backups.

    Exit code 3: something that lies there could not be read in; it is listed, with the reason.
    """
    execution = build_execution(settings, load_or_refuse(settings), terminal_progress())
    report = rebuild_catalog(DestinationName(source), execution)
    if as_json:
        print_json(_report_as_json(report))
    else:
        _print_report(report)
    return _exit_code_of(report)


@command.command("check")
@json_option
@click.pass_obj
def check(settings: Settings, *, as_json: bool) -> int:
    """Compare the catalog with the destinations, both ways; nothing is changed.

    Every copy that the catalog lists must be there, its manifest unchanged and every object with
    its size; every backup that lies at a destination must be listed. Exit code 0 if all is equal,
    1 if not.
    """
    execution = build_execution(settings, load_or_refuse(settings), terminal_progress())
    comparison = compare_catalog(execution)
    if as_json:
        print_json(_comparison_as_json(comparison))
    else:
        _print_comparison(comparison)
    if comparison.differences:
        return ExitCode.FAILED
    return code_of_kinds(error.kind for error in comparison.errors)


def _exit_code_of(report: RebuildReport) -> ExitCode:
    if report.all_troubles or (report.failures and report.series):
        return ExitCode.PARTLY_DONE
    return code_of_kinds(failure.error.kind for failure in report.failures)


def _print_report(report: RebuildReport) -> None:
    if not (report.series or report.troubles or report.failures):
        click.echo(f"{report.destination} holds no backup; the catalog knows the place now")
    for series in report.series:
        click.echo(printable(_sentence_of(series)))
    for trouble in report.all_troubles:
        click.echo(printable(f"NOT AS IT SHOULD BE  {trouble.subject}: {trouble.what}"), err=True)
        click.echo(printable(f"  {trouble.next_step}"), err=True)
    for failure in report.failures:
        click.echo(printable(f"NOT READ IN  {failure.path}"), err=True)
        print_error(failure.error)
    if report.failures:
        click.echo(
            "the place is still refused: run the command again when that is mended", err=True
        )
    if any(series.added for series in report.series):
        click.echo(
            "next: `orchestrator verify --all` proves what was found; nothing is pruned of a"
        )
        click.echo(
            "      rebuilt series before `orchestrator acknowledge BACKUP --reason …` of one"
        )


def _sentence_of(series: SeriesReport) -> str:
    words = f"{series.series}: {series.found} backups at {series.path}, {series.added} new"
    return f"{words}, {series.damaged} DAMAGED" if series.damaged else words


def _report_as_json(report: RebuildReport) -> dict[str, object]:
    return {
        "version": 1,
        "destination": report.destination,
        "attached": not report.failures,
        "series": [
            {
                "policy": item.series.policy,
                "database": item.series.database,
                "path": item.path,
                "found": item.found,
                "added": item.added,
                "damaged": item.damaged,
            }
            for item in report.series
        ],
        "troubles": [
            {"subject": item.subject, "what": item.what, "next_step": item.next_step}
            for item in report.all_troubles
        ],
        "errors": [
            {"path": item.path, "code": item.error.code, "what": item.error.what}
            for item in report.failures
        ],
    }


def _print_comparison(comparison: Comparison) -> None:
    for name, count in comparison.manifests.items():
        click.echo(f"{name}: {count} manifests compared")
    for difference in comparison.differences:
        subject = f"{difference.backup} at " if difference.backup else ""
        words = f"{difference.kind.value}: {subject}{difference.destination}: {difference.what}"
        click.echo(printable(words))
        click.echo(printable(f"  {difference.next_step}"))
    for error in comparison.errors:
        print_error(error)
    if not (comparison.differences or comparison.errors):
        click.echo("the catalog and the destinations are equal")


def _comparison_as_json(comparison: Comparison) -> dict[str, object]:
    return {
        "version": 1,
        "equal": not (comparison.differences or comparison.errors),
        "destinations": [
            {"name": name, "manifests": count} for name, count in comparison.manifests.items()
        ],
        "differences": [
            {
                "kind": item.kind.value,
                "destination": item.destination,
                "backup": item.backup,
                "what": item.what,
                "next_step": item.next_step,
            }
            for item in comparison.differences
        ],
        "errors": [{"code": error.code, "what": error.what} for error in comparison.errors],
    }
