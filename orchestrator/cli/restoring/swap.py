"""``restore --swap``: restored beside the running database, proved, and then renamed."""

import click

from orchestrator.cli.exit_codes import ExitCode
from orchestrator.cli.rendering import print_json, printable
from orchestrator.cli.restoring.agreement import require_agreement
from orchestrator.cli.restoring.request import RestoreAsked
from orchestrator.errors import UsageError
from orchestrator.execution.replace.swap_databases import (
    PreparedSwap,
    SwapConsent,
    SwapReport,
    prepare_swap,
    swap_request,
)
from orchestrator.model.backup import Backup
from orchestrator.planning.phrases import count
from orchestrator.ports.restoring.swapping import ChangedTable, SwapDifferences
from orchestrator.wiring import database_swapper, target_inspector


def restore_by_swap(
    asked: RestoreAsked, *, yes_replace: str | None, consent: SwapConsent
) -> ExitCode:
    """Restore the whole backup and give the result the name of the database it came from."""
    if asked.tables:
        raise UsageError(
            "--swap exchanges whole databases; --table does not go with it",
            next_step="use --into-existing for single tables",
        )
    prepared = prepare_swap(
        asked.backup,
        swap_request(asked.backup, asked.server_url, asked.execution),
        database_swapper(asked.settings),
        target_inspector(asked.settings),
        asked.execution,
    )
    _show(asked, prepared)
    if asked.dry_run and asked.as_json:
        print_json(_outlook_document(asked, prepared))
    prepared.require_consent(consent)
    if asked.dry_run:
        _say("nothing was changed: this was a dry run")
        return ExitCode.DONE
    require_agreement(prepared.request.name, yes_replace)
    report = prepared.carry_out(consent)
    if asked.as_json:
        print_json(_document(asked.backup, report))
    else:
        _print_report(asked.backup, report)
    # What was left out somebody accepted; that nobody knows what was lost is another matter.
    return ExitCode.DONE if report.result.differences is not None else ExitCode.PARTLY_DONE


def _show(asked: RestoreAsked, prepared: PreparedSwap) -> None:
    request, differences = prepared.request, prepared.outlook.differences
    _say(
        f"{request.name!r}, {_what(asked)} policy {asked.backup.series.policy!r}, would be renamed"
        f" to {request.kept_as!r}, and {asked.backup.id} restored in its place"
        f" ({count(prepared.tables, 'table')}, {count(prepared.rows, 'row')});"
        " every session in it is ended"
    )
    for line in prepared.missing:
        _say(f"would be left out: {line}")
    for table in differences.not_backed_up:
        _say(f"not backed up, would be empty: {_described(table)}")
    for table in differences.written:
        _say(f"different since the backup: {_described(table)}")
    for note in prepared.outlook.notes:
        _say(f"warning: {note}")


def _what(asked: RestoreAsked) -> str:
    return "the SOURCE of" if asked.at_server is None else "a database of another server than"


def _say(text: str) -> None:
    click.echo(printable(text), err=True)


def _print_report(backup: Backup, report: SwapReport) -> None:
    restored, result = report.restored, report.result
    click.echo(
        printable(
            f"{report.database!r} is {backup.id} now:"
            f" {count(restored.tables, 'table')}, {count(restored.rows, 'row')},"
            " every row read again and equal to the backup"
        )
    )
    kept = f"what was there is kept as {report.kept_as!r}"
    click.echo(printable(f"{kept}; {count(result.ended_sessions, 'session')} ended"))
    if result.differences is not None:
        _print_differences(result.differences)
    for note in (*result.notes, *restored.notes, *(f"warning: {one}" for one in restored.warnings)):
        _say(note)
    for entry in restored.skipped:
        _say(f"left out: {entry}")


def _print_differences(found: SwapDifferences) -> None:
    if found.not_backed_up:
        click.echo("not backed up by the policy, and only there now:")
    for table in found.not_backed_up:
        click.echo(printable(f"  {_described(table)}"))
    if not found.written:
        click.echo("no table of the backup has another number of rows there")
        return
    click.echo("written since the backup, and only there now:")
    for table in found.written:
        click.echo(printable(f"  {_described(table)}"))


def _described(table: ChangedTable) -> str:
    if table.then is None:
        return f"{table.name}: {count(table.now or 0, 'row')}, not in the backup"
    if table.now is None:
        return f"{table.name}: gone, {count(table.then, 'row')} in the backup"
    rows = count(table.now, "row")
    return f"{table.name}: {rows}, {table.then} in the backup ({table.now - table.then:+})"


def _document(backup: Backup, report: SwapReport) -> dict[str, object]:
    return {
        "version": 1,
        "backup": backup.id,
        "database": report.database,
        "kept_as": report.kept_as,
        "tables": report.restored.tables,
        "rows": report.restored.rows,
        "proved": report.restored.proved,
        "ended_sessions": report.result.ended_sessions,
        **_differences_as_json(report.result.differences),
        "notes": [*report.result.notes, *report.restored.notes],
        "skipped": [str(entry) for entry in report.restored.skipped],
        "warnings": list(report.restored.warnings),
    }


def _outlook_document(asked: RestoreAsked, prepared: PreparedSwap) -> dict[str, object]:
    return {
        "version": 1,
        "backup": asked.backup.id,
        "database": prepared.request.name,
        "kept_as": prepared.request.kept_as,
        "tables": prepared.tables,
        "rows": prepared.rows,
        "missing": list(prepared.missing),
        "obstacles": list(prepared.obstacles),
        **_differences_as_json(prepared.outlook.differences),
        "notes": list(prepared.outlook.notes),
    }


def _differences_as_json(found: SwapDifferences | None) -> dict[str, object]:
    """Return both lists; they are null where nobody could count."""
    if found is None:
        return {"changed": None, "not_backed_up": None}
    return {
        "changed": [
            {"table": str(one.name), "rows_then": one.then, "rows_now": one.now}
            for one in found.written
        ],
        "not_backed_up": [
            {"table": str(one.name), "rows_now": one.now} for one in found.not_backed_up
        ],
    }
