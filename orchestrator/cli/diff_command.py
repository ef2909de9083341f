"""``diff``: what differs between a backup and another one, or the living database."""

import click

from orchestrator.cli.backup_reference import find_backup
from orchestrator.cli.comparing.report import comparison_as_json, print_comparison
from orchestrator.cli.loading import load_or_refuse
from orchestrator.cli.options import json_option
from orchestrator.cli.progress import terminal_progress
from orchestrator.cli.rendering import print_json
from orchestrator.execution.context import Execution
from orchestrator.execution.diff.compare_states import compare_backups, compare_with_live
from orchestrator.model.backup import Backup
from orchestrator.settings import Settings
from orchestrator.wiring import build_execution, schema_reader

_LIVE = "live"


@click.command("diff")
@click.argument("reference", metavar="BACKUP")
@click.argument("other", metavar="[OTHER|live]", default=_LIVE)
@click.option("--policy", help="Only backups of this policy.")
@click.option("--database", help="Only backups of this database.")
@click.option("--rows", "with_rows", is_flag=True, help="Name rows that differ, by their keys.")
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    help="With --rows: how many of each kind and table.",
)
@json_option
@click.pass_obj
def command(settings: Settings, /, *, with_rows: bool, limit: int, **given: str | bool) -> None:
    """Say what differs between BACKUP and OTHER, another backup, or the database as it is now.

    Rows of each table before and after, and where it has a key how many were added, removed and
    changed; tables, columns, indexes and whatever else the schema has; sequences; large objects.

    The database is read under one snapshot, as for a backup; nothing is changed there. Whether
    something differs does not change the exit code: `--json` has `equal`.
    """
    execution = build_execution(settings, load_or_refuse(settings), terminal_progress())
    first = _find(str(given["reference"]), given, execution)
    examples = limit if with_rows else 0
    other = str(given["other"])
    if other == _LIVE:
        name = f"{first.series.database} as it is now"
        comparison = compare_with_live(first, execution, schema_reader(), examples=examples)
    else:
        second = _find(other, given, execution)
        name = str(second.id)
        comparison = compare_backups(first, second, execution, schema_reader(), examples=examples)
    if given["as_json"]:
        print_json(comparison_as_json(comparison, before=first.id, after=name))
    else:
        print_comparison(comparison, before=first.id, after=name)


def _find(reference: str, given: dict[str, str | bool], execution: Execution) -> Backup:
    policy, database = given["policy"], given["database"]
    return find_backup(
        execution.reader,
        reference,
        policy=str(policy) if policy else None,
        database=str(database) if database else None,
        desired=execution.desired,
    )
