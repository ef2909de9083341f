"""``verify``: stored backups are read again and proved."""

from collections.abc import Iterator, Mapping, Sequence
from shlex import quote

import click

from orchestrator.archive.layout import is_chunk_key
from orchestrator.cli.backup_reference import find_backup, last_of_each_series
from orchestrator.cli.exit_codes import ExitCode, code_of_kinds
from orchestrator.cli.loading import load_or_refuse
from orchestrator.cli.options import json_option
from orchestrator.cli.outcomes import delivery_as_json, print_deliveries
from orchestrator.cli.progress import terminal_progress
from orchestrator.cli.rendering import print_error, print_json, printable
from orchestrator.errors import BackupNotFoundError, OrchestratorError
from orchestrator.execution.context import Execution
from orchestrator.execution.verification.verify_copy import verify_copy
from orchestrator.model.backup import Backup
from orchestrator.model.names import BackupId, Series
from orchestrator.model.verification import Damage, Level, Verification
from orchestrator.reconciler.telling import tell
from orchestrator.settings import Settings
from orchestrator.wiring import build_execution


@click.command("verify")
@click.argument("references", metavar="[BACKUP]...", nargs=-1)
@click.option(
    "--level",
    type=click.Choice([Level.STORED.label, Level.OBJECTS.label, Level.CONTENT.label]),
    default=Level.CONTENT.label,
    show_default=True,
    help="How far to prove: sizes; every stored byte; or everything decompressed and counted.",
)
@click.option("--all", "every", is_flag=True, help="Every backup, not only the newest of a series.")
@click.option("--policy", help="Only backups of this policy.")
@click.option("--database", help="Only backups of this database.")
@json_option
@click.pass_obj
def command(settings: Settings, /, *, level: str, as_json: bool, **selection: object) -> int:
    """Read stored backups again and keep what was proved with each copy.

    Without BACKUP: the newest of each series, or with --all every one.
    """
    execution = build_execution(settings, load_or_refuse(settings), terminal_progress())
    backups = _chosen(execution, selection)
    results, errors = _verify(backups, Level[level.upper()], execution)
    deliveries = tell(execution)
    if as_json:
        print_json(
            {
                **_document(results, errors),
                "alerts": [delivery_as_json(delivery) for delivery in deliveries],
            }
        )
    else:
        _print_results(results, errors, {backup.id: backup.series for backup in backups})
        print_deliveries(deliveries)
    if any(result.damage or result.beside for result in results):
        return ExitCode.FAILED
    return code_of_kinds(error.kind for error in errors)


def _chosen(execution: Execution, selection: dict[str, object]) -> list[Backup]:
    policy, database = selection["policy"], selection["database"]
    references = selection["references"]
    if isinstance(references, tuple) and references:
        return [
            find_backup(
                execution.reader,
                str(reference),
                policy=None if policy is None else str(policy),
                database=None if database is None else str(database),
                desired=execution.desired,
            )
            for reference in references
        ]
    backups = [
        backup
        for backup in execution.reader.backups()
        if policy in (None, backup.series.policy) and database in (None, backup.series.database)
    ]
    if not backups:
        raise BackupNotFoundError(
            "there is no backup to verify", next_step="`orchestrator apply` takes the first"
        )
    if selection["every"]:
        return backups
    return last_of_each_series(backups)


def _verify(
    backups: Sequence[Backup], level: Level, execution: Execution
) -> tuple[list[Verification], list[OrchestratorError]]:
    results: list[Verification] = []
    errors: list[OrchestratorError] = []
    for backup in backups:
        for copy in backup.copies:
            try:
                results.append(verify_copy(backup, copy.destination, level, execution))
            except OrchestratorError as error:
                # A place that cannot be reached must not keep the others from being read.
                errors.append(error)
    return results, errors


def _print_results(
    results: Sequence[Verification],
    errors: Sequence[OrchestratorError],
    series: Mapping[BackupId, Series],
) -> None:
    for result in results:
        words = "proved to " + result.level.label if result.passed else "DAMAGED"
        click.echo(f"{result.backup} at {result.destination}: {words}, {result.objects} objects")
        for damage in result.damage:
            click.echo(printable(f"  {damage}"), err=True)
        for damage in result.beside:
            click.echo(printable(f"  beside the backup: {damage}"), err=True)
        for line in _advise(result, series[result.backup]):
            click.echo(printable(f"  {line}"), err=True)
    for error in errors:
        print_error(error)


def _advise(result: Verification, series: Series) -> Iterator[str]:
    """Yield what helps: other backups share chunks, and nothing else of a backup."""
    backup = f"`orchestrator backup {quote(series.policy)} --database {quote(series.database)}`"
    shared = [one for one in result.damage if is_chunk_key(one.object_key)]
    if result.beside:
        yield f"{backup} takes a new one and writes RESTORE.md again"
    if shared:
        yield (
            f"{backup} stores the chunks again that the database still has; then"
            f" `orchestrator verify {result.backup}` proves this copy anew"
        )
    if len(shared) < len(result.damage):
        yield (
            "what this backup alone has is damaged, so that a new backup does not mend this copy: a"
            " restore reads another copy of it, if there is one, or take another backup"
            f" (`orchestrator list {quote(series.policy)}`)"
        )
        yield (
            "this copy goes when no rule would keep it, were it whole"
            f" (`orchestrator retention explain {result.backup}` names them)"
        )


def _document(
    results: Sequence[Verification], errors: Sequence[OrchestratorError]
) -> dict[str, object]:
    return {
        "version": 1,
        "verifications": [
            {
                "backup": result.backup,
                "destination": result.destination,
                "level": result.level.label,
                "passed": result.passed,
                "objects": result.objects,
                "stored_bytes": result.stored_bytes,
                "damage": _damage_as_json(result.damage),
                "beside": _damage_as_json(result.beside),
            }
            for result in results
        ],
        "errors": [{"code": error.code, "what": error.what} for error in errors],
    }


def _damage_as_json(damage: Sequence[Damage]) -> list[dict[str, str]]:
    return [{"object": found.object_key, "what": found.what} for found in damage]
