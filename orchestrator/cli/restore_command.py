"""``restore``: a backup becomes a new database, proved equal before it gets its name."""

import click

from orchestrator.cli.backup_reference import find_backup
from orchestrator.cli.exit_codes import ExitCode
from orchestrator.cli.loading import load_or_refuse
from orchestrator.cli.options import json_option, not_supported_yet
from orchestrator.cli.progress import terminal_progress
from orchestrator.cli.rendering import format_bytes, print_json, printable
from orchestrator.errors import UsageError
from orchestrator.execution.context import Execution
from orchestrator.execution.restore.restore_backup import (
    RestoreReport,
    restore_into_new,
    temporary_name,
)
from orchestrator.model.backup import Backup, CopyState
from orchestrator.settings import Settings
from orchestrator.wiring import build_execution


@click.command("restore")
@click.argument("reference", metavar="BACKUP")
@click.option("--into-new", metavar="NAME", help="Create this database from the backup.")
@click.option("--prove", is_flag=True, help="Read every row again and compare it with the backup.")
@click.option("--policy", help="Only backups of this policy.")
@click.option("--database", help="Only backups of this database.")
@not_supported_yet("--into-existing")
@not_supported_yet("--table")
@not_supported_yet("--at-server")
@not_supported_yet("--swap", takes_value=False)
@not_supported_yet("--dry-run", takes_value=False)
@json_option
@click.pass_obj
def command(
    settings: Settings,
    /,
    *,
    reference: str,
    into_new: str | None,
    as_json: bool,
    **options: object,
) -> int:
    """Restore a backup into a new database.

    BACKUP is an id or its beginning, `latest`, or a time such as 2026-11-22T10:30 (the last backup
    before it, in the policy's zone). The database is built under a temporary name and gets its own
    only after it was compared with the backup.
    """
    if into_new is None:
        raise UsageError(
            "restore needs to know where to",
            next_step="add --into-new NAME; restoring into an existing database comes later",
        )
    execution = build_execution(settings, load_or_refuse(settings), terminal_progress())
    backup = find_backup(
        execution.reader,
        reference,
        policy=_text(options["policy"]),
        database=_text(options["database"]),
        desired=execution.desired,
    )
    _warn_about(backup)
    report = _restore(backup, into_new, execution, prove=bool(options["prove"]))
    if as_json:
        print_json(_document(backup, report))
    else:
        _print_report(backup, report)
    return ExitCode.PARTLY_DONE if report.skipped else ExitCode.DONE


def _warn_about(backup: Backup) -> None:
    """Say it before anything happens: in an emergency `latest` may be what came after the loss."""
    for copy in backup.copies:
        if copy.state is CopyState.DAMAGED:
            text = f"warning: the copy at {copy.destination} is known to be DAMAGED: {copy.trouble}"
            click.echo(printable(text), err=True)
    if backup.suspicion is not None and backup.is_suspicious:
        for reason in backup.suspicion.reasons:
            click.echo(printable(f"warning: {backup.id} is SUSPICIOUS: {reason}"), err=True)
        click.echo("  `orchestrator list` shows the backups from before", err=True)


def _restore(backup: Backup, name: str, execution: Execution, *, prove: bool) -> RestoreReport:
    click.echo(f"restoring {backup.id} of {backup.series} into {name!r}", err=True)
    url = execution.policy_of(backup.series).source.restore_url
    try:
        return restore_into_new(backup, name=name, prove=prove, server_url=url, execution=execution)
    except KeyboardInterrupt:
        unfinished = temporary_name(name, backup)
        text = (
            f"the unfinished database {unfinished!r} stays; the same restore run again replaces it"
        )
        click.echo(printable(text), err=True)
        raise


def _print_report(backup: Backup, report: RestoreReport) -> None:
    rate = report.size_bytes / report.seconds if report.seconds else 0
    click.echo(
        printable(
            f"restored {backup.id} into {report.database!r}: {report.tables} tables,"
            f" {report.rows} rows in {report.seconds:.1f} s ({format_bytes(int(rate))}/s)"
        )
    )
    if report.proved:
        click.echo("proved: every row was read again and equals the backup")
    else:
        click.echo("compared: row counts and sequences equal the backup (--prove compares rows)")
    for warning in report.warnings:
        click.echo(printable(f"warning: {warning}"), err=True)
    for entry in report.skipped:
        click.echo(printable(f"left out: {entry}"), err=True)


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
        "warnings": list(report.warnings),
    }


def _text(value: object) -> str | None:
    return None if value is None else str(value)
