"""``release``: the rules decide about a backup again."""

import click

from orchestrator.cli.backup_reference import find_backup
from orchestrator.cli.loading import load_or_refuse
from orchestrator.cli.marks import report_marking
from orchestrator.cli.options import json_option
from orchestrator.execution.marks.mark_backup import release_backup
from orchestrator.ports.progress import SilentProgress
from orchestrator.settings import Settings
from orchestrator.wiring import build_execution


@click.command("release")
@click.argument("reference", metavar="BACKUP")
@click.option("--policy", help="Only backups of this policy.")
@click.option("--database", help="Only backups of this database.")
@json_option
@click.pass_obj
def command(
    settings: Settings,
    *,
    reference: str,
    policy: str | None,
    database: str | None,
    as_json: bool,
) -> int:
    """Take every hold of a backup back: from now on the rules decide about it again."""
    execution = build_execution(settings, load_or_refuse(settings), SilentProgress())
    backup = find_backup(
        execution.reader,
        reference,
        policy=policy,
        database=database,
        desired=execution.desired,
    )
    return report_marking(release_backup(backup, execution), "released", as_json=as_json)
