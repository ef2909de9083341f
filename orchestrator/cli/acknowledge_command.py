"""``acknowledge``: a human has looked at a suspicious backup."""

import click

from orchestrator.cli.backup_reference import find_backup
from orchestrator.cli.loading import load_or_refuse
from orchestrator.cli.marks import report_marking
from orchestrator.cli.options import json_option
from orchestrator.execution.marks.mark_backup import acknowledge_backup
from orchestrator.ports.progress import SilentProgress
from orchestrator.settings import Settings
from orchestrator.wiring import build_execution


@click.command("acknowledge")
@click.argument("reference", metavar="BACKUP")
@click.option("--reason", required=True, help="What you found; shown wherever the backup is.")
@click.option("--policy", help="Only backups of this policy.")
@click.option("--database", help="Only backups of this database.")
@json_option
@click.pass_obj
def command(
    settings: Settings,
    /,
    *,
    reference: str,
    reason: str,
    as_json: bool,
    **options: str | None,
) -> int:
    """Say that a human looked at a suspicious backup and that it is right: pruning goes on.

    The next backups are compared with this one. `show` says why it is suspicious.
    """
    execution = build_execution(settings, load_or_refuse(settings), SilentProgress())
    backup = find_backup(
        execution.reader,
        reference,
        policy=options["policy"],
        database=options["database"],
        desired=execution.desired,
    )
    marking = acknowledge_backup(backup, reason=reason, execution=execution)
    return report_marking(marking, "acknowledged", as_json=as_json)
