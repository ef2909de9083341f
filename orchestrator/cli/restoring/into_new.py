"""``restore --into-new``: a database of its own, proved equal before it gets its name."""

import click

from orchestrator.cli.backup_document import left_out_as_json
from orchestrator.cli.exit_codes import ExitCode
from orchestrator.cli.rendering import print_json, printable
from orchestrator.cli.restoring.request import RestoreAsked
from orchestrator.errors import ReplaceRefusedError
from orchestrator.execution.restore.restore_backup import (
    RestoreChoices,
    RestoreOutlook,
    RestoreReport,
    look_ahead,
    restore_into_new,
    temporary_name,
)
from orchestrator.model.backup import Backup
from orchestrator.planning.phrases import say_size
from orchestrator.wiring import target_inspector


def restore_as_new(asked: RestoreAsked, name: str) -> ExitCode:
    """Build the database ``name``, or say what that would mean."""
    if asked.dry_run:
        return _look_ahead(asked, name)
    report = _restore(asked, name)
    if asked.as_json:
        print_json(_document(asked.backup, report))
    else:
        _print_report(asked.backup, report)
    return ExitCode.PARTLY_DONE if report.skipped else ExitCode.DONE


def _look_ahead(asked: RestoreAsked, name: str) -> ExitCode:
    outlook = look_ahead(
        asked.backup,
        name=name,
        server_url=asked.server_url,
        inspector=target_inspector(asked.settings),
        execution=asked.execution,
        choices=_choices(asked),
    )
    found = outlook.findings
    if asked.as_json:
        print_json(_outlook_document(asked.backup, name, outlook))
    else:
        click.echo(
            printable(
                f"{asked.backup.id} would become {name!r} at a PostgreSQL {found.server_version}:"
                f" {outlook.tables} tables, {outlook.rows} rows,"
                f" {say_size(outlook.size_bytes)} of text"
            )
        )
        click.echo(printable(f"read from {', then '.join(outlook.copies)}"))
        click.echo("whether the server has room for it cannot be asked: look at its disk")
        for role in found.made:
            click.echo(
                printable(f"would be made: role {role}, which cannot log in and has no password")
            )
        for line in found.missing:
            click.echo(printable(f"would be left out: {line}"))
        for item in outlook.left_out:
            click.echo(printable(f"not in the backup: {item}"))
    if found.obstacles:
        raise ReplaceRefusedError(
            f"it would be refused: {'; '.join(found.obstacles)}",
            next_step="choose another name or server, or grant or make what is missing",
        )
    click.echo("nothing was changed: this was a dry run", err=True)
    return ExitCode.DONE


def _choices(asked: RestoreAsked) -> RestoreChoices:
    return RestoreChoices(
        tables=asked.tables,
        ownership=asked.ownership,
        skip_failed_indexes=asked.skip_failed_indexes,
        skip_failed_constraints=asked.skip_failed_constraints,
    )


def _outlook_document(backup: Backup, name: str, outlook: RestoreOutlook) -> dict[str, object]:
    return {
        "version": 1,
        "backup": backup.id,
        "database": name,
        "tables": outlook.tables,
        "rows": outlook.rows,
        "bytes": outlook.size_bytes,
        "copies": list(outlook.copies),
        "server_version": outlook.findings.server_version,
        "obstacles": list(outlook.findings.obstacles),
        "missing": list(outlook.findings.missing),
        "made": list(outlook.findings.made),
        "left_out": left_out_as_json(outlook.left_out),
    }


def _restore(asked: RestoreAsked, name: str) -> RestoreReport:
    try:
        return restore_into_new(
            asked.backup,
            name=name,
            prove=asked.prove,
            server_url=asked.server_url,
            execution=asked.execution,
            choices=_choices(asked),
        )
    except KeyboardInterrupt:
        unfinished = temporary_name(name, asked.backup)
        text = (
            f"if {name!r} is there, it is complete; otherwise the unfinished database"
            f" {unfinished!r} stays, and the same restore run again replaces it"
        )
        click.echo(printable(text), err=True)
        raise


def _print_report(backup: Backup, report: RestoreReport) -> None:
    rate = report.size_bytes / report.seconds if report.seconds else 0
    click.echo(
        printable(
            f"restored {backup.id} into {report.database!r}: {report.tables} tables,"
            f" {report.rows} rows in {report.seconds:.1f} s ({say_size(int(rate))}/s)"
        )
    )
    if report.proved:
        click.echo("proved: every row was read again and equals the backup")
    else:
        click.echo("compared: row counts and sequences equal the backup (--prove compares rows)")
    for warning in report.warnings:
        click.echo(printable(f"warning: {warning}"), err=True)
    for note in report.notes:
        click.echo(printable(note), err=True)
    for entry in report.skipped:
        click.echo(printable(f"left out: {entry}"), err=True)
    for item in report.left_out:
        click.echo(printable(f"not in the backup: {item}"), err=True)


def _document(backup: Backup, report: RestoreReport) -> dict[str, object]:
    return {
        "version": 1,
        "backup": backup.id,
        "database": report.database,
        "tables": report.tables,
        "rows": report.rows,
        "bytes": report.size_bytes,
        "seconds": round(report.seconds, 3),
        "proved": report.proved,
        "skipped": [str(entry) for entry in report.skipped],
        "left_out": left_out_as_json(report.left_out),
        "notes": list(report.notes),
        "warnings": list(report.warnings),
    }
