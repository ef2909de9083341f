"""``hold``: a backup is kept whatever the rules say."""

from datetime import datetime

import click

from orchestrator.cli.backup_reference import find_backup
from orchestrator.cli.loading import load_or_refuse
from orchestrator.cli.marks import report_marking
from orchestrator.cli.options import json_option
from orchestrator.cli.times import parse_time
from orchestrator.execution.context import Execution
from orchestrator.execution.marks.mark_backup import hold_backup
from orchestrator.model.backup import Backup
from orchestrator.ports.progress import SilentProgress
from orchestrator.settings import Settings
from orchestrator.wiring import build_execution


@click.command("hold")
@click.argument("reference", metavar="BACKUP")
@click.option("--reason", required=True, help="Why; shown wherever the hold is.")
@click.option("--until", metavar="TIME", help="When it ends by itself (in the policy's zone).")
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
    """Keep a backup whatever the rules say, until it is released or the time has come.

    The mark lies beside the backup at each destination, so that it outlives the catalog.
    """
    execution = build_execution(settings, load_or_refuse(settings), SilentProgress())
    backup = find_backup(
        execution.reader,
        reference,
        policy=options["policy"],
        database=options["database"],
        desired=execution.desired,
    )
    until = _time(options["until"], backup, execution)
    marking = hold_backup(backup, reason=reason, until=until, execution=execution)
    return report_marking(marking, "held", as_json=as_json)


def _time(text: str | None, backup: Backup, execution: Execution) -> datetime | None:
    if text is None:
        return None
    policy = execution.desired.policies.get(backup.series.policy)
    return parse_time(text) if policy is None else parse_time(text, policy.timezone)
