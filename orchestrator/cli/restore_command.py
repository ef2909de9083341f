"""``restore``: a backup becomes a database again, or tables of one, compared before it counts."""

from collections.abc import Mapping
from datetime import UTC

import click

from orchestrator.cli.backup_reference import find_backup, find_passed_over, is_intact, say_if_ahead
from orchestrator.cli.loading import load_or_refuse
from orchestrator.cli.options import json_option
from orchestrator.cli.progress import terminal_progress
from orchestrator.cli.rendering import printable
from orchestrator.cli.restoring.asking import asked_for, require_options_that_fit
from orchestrator.cli.restoring.foreseen import require_copy_without_damage, say_patterns
from orchestrator.cli.restoring.into_existing import restore_into_existing
from orchestrator.cli.restoring.into_new import restore_as_new
from orchestrator.cli.restoring.request import RestoreAsked
from orchestrator.cli.restoring.swap import restore_by_swap
from orchestrator.execution.context import Execution
from orchestrator.execution.replace.replace_tables import ReplaceConsent
from orchestrator.execution.replace.swap_databases import SwapConsent
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
@click.option(
    "--accept-lost-values",
    is_flag=True,
    help="Replace tables even if columns that the backup lacks lose their values.",
)
@click.option(
    "--accept-left-out",
    is_flag=True,
    help="Swap even if the new database lacks owners, grants, extensions and the like.",
)
@click.option(
    "--accept-empty-tables",
    is_flag=True,
    help="Swap even if tables have rows that the policy does not back up: they are empty then.",
)
@click.option(
    "--skip-failed-indexes",
    is_flag=True,
    help="Leave out, and list, indexes that cannot be built (one at a time, so slower).",
)
@click.option(
    "--skip-failed-constraints",
    is_flag=True,
    help="Bring constraints that rows break back unchecked, or leave them out, and list them.",
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
@click.option(
    "--with-roles", is_flag=True, help="Make the roles that are missing, without login or password."
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
    before it, in the policy's zone); the latter two pass over safety copies of earlier restores and
    what is known to be damaged, and say so. A new database is built under a temporary name and gets
    its own only after it was compared with the backup. Tables of an existing one are replaced in
    one transaction, after what is in them was saved: on any error nothing has changed.
    """
    require_options_that_fit(
        {"--into-new": into_new, "--into-existing": into_existing, "--swap": swap or None}, options
    )
    execution = build_execution(settings, load_or_refuse(settings), terminal_progress())
    backup = find_backup(
        execution.reader,
        reference,
        policy=_text(options["policy"]),
        database=_text(options["database"]),
        desired=execution.desired,
    )
    _say_choice(reference, backup, execution)
    _warn_of_time(reference, backup, execution)
    asked = asked_for(backup, settings, execution, {**options, "into_new": into_new})
    _warn_about(asked.backup)
    if asked.dry_run:
        require_copy_without_damage(asked.backup)
    if into_existing is not None:
        return _into_existing(asked, into_existing, options)
    if swap:
        return _by_swap(asked, options)
    return _into_new(asked, into_new or "")


def _into_existing(asked: RestoreAsked, name: str, options: Mapping[str, object]) -> int:
    return restore_into_existing(
        asked,
        name,
        yes_replace=_text(options["yes_replace"]),
        consent=ReplaceConsent(
            published=bool(options["replace_published"]),
            lost_values=bool(options["accept_lost_values"]),
        ),
    )


def _by_swap(asked: RestoreAsked, options: Mapping[str, object]) -> int:
    return restore_by_swap(
        asked,
        yes_replace=_text(options["yes_replace"]),
        consent=SwapConsent(
            left_out=bool(options["accept_left_out"]),
            empty_tables=bool(options["accept_empty_tables"]),
        ),
    )


def _into_new(asked: RestoreAsked, name: str) -> int:
    for warning in say_patterns(name, asked):
        _say(f"warning: {warning}")
    if not asked.dry_run:
        what = f"restoring {asked.backup.id} of {asked.backup.series} into {name!r}"
        click.echo(printable(what), err=True)
    return restore_as_new(asked, name)


def _say_choice(reference: str, backup: Backup, execution: Execution) -> None:
    """Say which backup a reference leads to: after a loss it matters more than anything."""
    if not backup.id.startswith(reference):
        _say(f"{reference}: backup {backup.id}, of {_moment(backup)}, {backup.reason}")
    for other in find_passed_over(execution.reader, reference, backup, desired=execution.desired):
        why = "" if is_intact(other) else ", no copy of which is known to be whole"
        _say(
            f"passed over: {other.id}, of {_moment(other)}, {other.reason}{why} (take it by its id)"
        )
    if backup.is_safety_copy:
        _say(f"warning: {backup.id} is a {backup.reason}: it holds what was replaced then")


def _moment(backup: Backup) -> str:
    return f"{backup.snapshot_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _say(text: str) -> None:
    click.echo(printable(text), err=True)


def _warn_of_time(reference: str, backup: Backup, execution: Execution) -> None:
    words = say_if_ahead(reference, backup, desired=execution.desired, now=execution.clock.now())
    if words is not None:
        _say(f"warning: {words}")


def _warn_about(backup: Backup) -> None:
    """Say it before anything happens: in an emergency `latest` may be what came after the loss."""
    for copy in backup.copies:
        if copy.state is CopyState.DAMAGED:
            _say(f"warning: the copy at {copy.destination} is known to be DAMAGED: {copy.trouble}")
    if backup.suspicion is not None and backup.is_suspicious:
        for reason in backup.suspicion.reasons:
            _say(f"warning: {backup.id} is SUSPICIOUS: {reason}")
        _say("  `orchestrator list` shows the backups from before")


def _text(value: object) -> str | None:
    return None if value is None else str(value)
