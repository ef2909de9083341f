"""``erase``: a retired series is removed for good."""

import click

from orchestrator.cli.exit_codes import ExitCode
from orchestrator.cli.loading import load_or_refuse
from orchestrator.cli.options import json_option
from orchestrator.cli.progress import terminal_progress
from orchestrator.cli.rendering import print_json, printable
from orchestrator.errors import UsageError
from orchestrator.execution.find_databases import with_databases
from orchestrator.execution.prune.erase_series import Erasure, erase_series, find_erasable
from orchestrator.model.names import DatabaseName, PolicyName, Series
from orchestrator.planning.phrases import say_size
from orchestrator.settings import Settings
from orchestrator.wiring import build_execution


@click.command("erase")
@click.argument("name", metavar="SERIES")
@click.option("--yes-erase", metavar="SERIES", help="Its name again, instead of typing it.")
@json_option
@click.pass_obj
def command(settings: Settings, *, name: str, yes_erase: str | None, as_json: bool) -> int:
    """Remove every backup of SERIES (policy/database), whose policy is no longer in the files.

    Or whose database a pattern of the policy stood for, and the server no longer has.

    Asks for the name to be typed. Nothing brings the backups back afterwards. Broken off, it goes on
    when it is run again.
    """
    execution = with_databases(
        build_execution(settings, load_or_refuse(settings), terminal_progress())
    )
    series = _series(name)
    backups = find_erasable(series, execution)
    if yes_erase is None:
        what = f"{len(backups)} backups" if backups else "What is left"
        click.echo(
            printable(f"{what} of {series} will be erased for good, at every place."), err=True
        )
        yes_erase = click.prompt("Type its name to go on", err=True)
    if yes_erase != str(series):
        raise UsageError(
            f"{yes_erase!r} is not {str(series)!r}; nothing was erased",
            next_step=f"type {series} in full",
        )
    return report_erasure(series, erase_series(series, execution), as_json=as_json)


def report_erasure(series: Series, erasure: Erasure, *, as_json: bool) -> ExitCode:
    """Say what was erased, and whether the command has to be run again."""
    if as_json:
        print_json(_document(series, erasure))
    else:
        _print(series, erasure)
    if erasure.is_complete:
        return ExitCode.DONE
    click.echo(
        printable(
            f"not everything of {series} is erased: wait for whoever is at work there to end, then"
            " run the same command again"
        ),
        err=True,
    )
    return ExitCode.PARTLY_DONE


def _series(name: str) -> Series:
    policy, slash, database = name.partition("/")
    if not (policy and slash and database):
        raise UsageError(
            f"{name!r} is not the name of a series",
            next_step="write it as policy/database, as `orchestrator list` shows it",
        )
    return Series(PolicyName(policy), DatabaseName(database))


def _print(series: Series, erasure: Erasure) -> None:
    click.echo(printable(f"erased {erasure.copies} copies of {series}"))
    for name, collected in erasure.collected.items():
        size = say_size(sum(collected.removed.values()))
        click.echo(printable(f"  at {name}: {len(collected.removed)} further objects, {size}"))
        if collected.stopped_by is not None:
            click.echo(printable(f"  stopped there: {collected.stopped_by}"), err=True)


def _document(series: Series, erasure: Erasure) -> dict[str, object]:
    return {
        "version": 1,
        "policy": series.policy,
        "database": series.database,
        "copies": erasure.copies,
        "destinations": [
            {
                "name": name,
                "objects": len(collected.removed),
                "bytes": sum(collected.removed.values()),
                "stopped_by": collected.stopped_by,
            }
            for name, collected in erasure.collected.items()
        ],
    }
