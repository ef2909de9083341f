"""``restore``: a backup becomes a database again, or tables of one, compared before it counts."""

import click

from orchestrator.cli.backup_reference import find_backup
from orchestrator.cli.loading import load_or_refuse
from orchestrator.cli.options import json_option
from orchestrator.cli.progress import terminal_progress
from orchestrator.cli.rendering import printable
from orchestrator.cli.restoring.asking import asked_for
from orchestrator.cli.restoring.into_existing import restore_into_existing
from orchestrator.cli.restoring.into_new import restore_as_new
from orchestrator.cli.restoring.request import RestoreAsked
from orchestrator.cli.restoring.swap import restore_by_swap
from orchestrator.errors import UsageError
from orchestrator.model.backup import Backup, CopyState
from orchestrator.settings import Settings
from orchestrator.wiring import build_execution


@click.command("restore")
@click.argument("reference", metavar="BACKUP")
@click.option("--into-new", metavar="NAME", help="Create this database from the backup.")
@click.option(
    "--into-existing", metavar="NAME", help="Replace tables of this database, in one transaction."
)
@click.option(
    "--table",
    "tables",
    metavar="SCHEMA.TABLE",
    multiple=True,
    help="Only this table (may be repeated); a partitioned table means all its partitions.",
)
@click.option(
    "--swap",
    is_flag=True,
    help="Build it beside the database it came from, prove it, and exchange their names.",
)
@click.option(
    "--at-server",
    metavar="URL",
    help="Another server than the policy's; without a password: that comes from .pgpass.",
)
@click.option("--prove", is_flag=True, help="Read every row again and compare it with the backup.")
@click.option("--dry-run", is_flag=True, help="Show what would change, and stop.")
@click.option("--yes-replace", metavar="NAME", help="The database's name, instead of typing it.")
@click.option(
    "--replace-published",
    is_flag=True,
    help="Replace tables that are published, too: subscribers are emptied and filled.",
)
@click.option("--no-owner", is_flag=True, help="The restoring role owns everything.")
@click.option("--no-grants", is_flag=True, help="Nobody but owners may use anything.")
@click.option(
    "--owner",
    "owners",
    metavar="OLD=NEW",
    multiple=True,
    help="What OLD owned belongs to NEW (may be repeated).",
)
@click.option("--policy", help="Only backups of this policy.")
@click.option("--database", help="Only backups of this database.")
@json_option
@click.pass_obj
def command(
    settings: Settings,
    /,
    *,
    reference: str,
    into_new: str | None,
    into_existing: str | None,
    swap: bool,
    **options: object,
) -> int:
    """Restore a backup into a new database, or tables of it into one that exists.

    BACKUP is an id or its beginning, `latest`, or a time such as 2026-11-22T10:30 (the last backup
    before it, in the policy's zone). A new database is built under a temporary name and gets its
    own only after it was compared with the backup. Tables of an existing one are replaced in one
    transaction, after what is in them was saved: on any error nothing has changed.
    """
    _require_one_way(into_new, into_existing, swap=swap)
    execution = build_execution(settings, load_or_refuse(settings), terminal_progress())
    backup = find_backup(
        execution.reader,
        reference,
        policy=_text(options["policy"]),
        database=_text(options["database"]),
        desired=execution.desired,
    )
    asked = asked_for(backup, settings, execution, {**options, "into_new": into_new})
    _warn_about(asked.backup)
    if into_existing is not None:
        return restore_into_existing(
            asked,
            into_existing,
            yes_replace=_text(options["yes_replace"]),
            replace_published=bool(options["replace_published"]),
        )
    if swap:
        return restore_by_swap(asked, yes_replace=_text(options["yes_replace"]))
    return _into_new(asked, into_new or "")


def _require_one_way(into_new: str | None, into_existing: str | None, *, swap: bool) -> None:
    if (into_new is not None) + (into_existing is not None) + swap != 1:
        raise UsageError(
            "restore needs to know where to, once",
            next_step="add --into-new NAME, --into-existing NAME to replace tables, or --swap",
        )


def _into_new(asked: RestoreAsked, name: str) -> int:
    if not asked.dry_run:
        what = f"restoring {asked.backup.id} of {asked.backup.series} into {name!r}"
        click.echo(printable(what), err=True)
    return restore_as_new(asked, name)


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


def _text(value: object) -> str | None:
    return None if value is None else str(value)
