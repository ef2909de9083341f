"""``restore --swap``: restored beside the running database, proved, and then renamed."""

import click

from orchestrator.cli.exit_codes import ExitCode
from orchestrator.cli.rendering import count, print_json, printable
from orchestrator.cli.restoring.agreement import require_agreement
from orchestrator.cli.restoring.request import RestoreAsked
from orchestrator.errors import OrchestratorError, UsageError
from orchestrator.execution.replace.swap_databases import (
    SwapReport,
    swap_databases,
    swap_request,
)
from orchestrator.ports.restoring.swapping import ChangedTable
from orchestrator.wiring import database_swapper


def restore_by_swap(asked: RestoreAsked, *, yes_replace: str | None) -> ExitCode:
    """Restore the whole backup and give the result the name of the database it came from."""
    if asked.tables:
        raise UsageError(
            "--swap exchanges whole databases; --table does not go with it",
            next_step="use --into-existing for single tables",
        )
    request = swap_request(asked.backup, asked.server_url, asked.execution)
    _say(
        f"{request.name!r}, {_what(asked)} policy {asked.backup.series.policy!r}, would be renamed"
        f" to {request.kept_as!r}, and {asked.backup.id} restored in its place; every session in it"
        " is ended"
    )
    swapper = database_swapper(asked.settings)
    swapper.require_swappable(request)
    if asked.dry_run:
        _say("nothing was changed: this was a dry run")
        return ExitCode.DONE
    require_agreement(request.name, yes_replace)
    try:
        report = swap_databases(asked.backup, request, swapper, asked.execution)
    except OrchestratorError as error:
        error.next_step += f"; if {request.restored!r} was built already, drop it before"
        raise
    if asked.as_json:
        print_json(_document(asked, report))
    else:
        _print_report(asked, report)
    return ExitCode.PARTLY_DONE if report.restored.skipped else ExitCode.DONE


def _what(asked: RestoreAsked) -> str:
    return "the SOURCE of" if asked.at_server is None else "a database of another server than"


def _say(text: str) -> None:
    click.echo(printable(text), err=True)


def _print_report(asked: RestoreAsked, report: SwapReport) -> None:
    restored, result = report.restored, report.result
    click.echo(
        printable(
            f"{report.database!r} is {asked.backup.id} now: {restored.tables} tables,"
            f" {restored.rows} rows, every row read again and equal to the backup"
        )
    )
    kept = f"what was there is kept as {report.kept_as!r}"
    click.echo(printable(f"{kept}; {count(result.ended_sessions, 'session', 'sessions')} ended"))
    if result.changed:
        click.echo("written since the backup, and only there now:")
        for table in result.changed:
            click.echo(printable(f"  {_described(table)}"))
    else:
        click.echo("no table there has another number of rows than the backup")
    for note in (*result.notes, *(f"warning: {one}" for one in restored.warnings)):
        _say(note)
    for entry in restored.skipped:
        _say(f"left out: {entry}")


def _described(table: ChangedTable) -> str:
    if table.then is None:
        return f"{table.name}: not in the backup, {table.now} rows"
    if table.now is None:
        return f"{table.name}: gone, {table.then} rows in the backup"
    return (
        f"{table.name}: {table.now} rows, {table.then} in the backup ({table.now - table.then:+})"
    )


def _document(asked: RestoreAsked, report: SwapReport) -> dict[str, object]:
    return {
        "version": 1,
        "backup": asked.backup.id,
        "database": report.database,
        "kept_as": report.kept_as,
        "tables": report.restored.tables,
        "rows": report.restored.rows,
        "proved": report.restored.proved,
        "ended_sessions": report.result.ended_sessions,
        "changed": [
            {"table": str(one.name), "rows_then": one.then, "rows_now": one.now}
            for one in report.result.changed
        ],
        "notes": list(report.result.notes),
        "skipped": [str(entry) for entry in report.restored.skipped],
        "warnings": list(report.restored.warnings),
    }
