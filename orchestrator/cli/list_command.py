"""``list``: backups with tiers, sizes, copies and the level to which they are proved."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime
from operator import attrgetter

import click

from orchestrator.cli.backup_document import backup_as_json
from orchestrator.cli.labels import Labels, labels_of
from orchestrator.cli.marks import words_of_marks
from orchestrator.cli.options import json_option
from orchestrator.cli.rendering import print_json, print_table
from orchestrator.errors import UsageError
from orchestrator.execution.find_databases import recall_databases
from orchestrator.execution.prune.retired import retired_among
from orchestrator.model.backup import Backup
from orchestrator.model.names import Series
from orchestrator.planning.phrases import say_age, say_size
from orchestrator.policy.load import load_policies
from orchestrator.ports.catalog import CatalogReader
from orchestrator.reconciler.applying.renames import read_renamed
from orchestrator.settings import Settings
from orchestrator.wiring import open_reader, system_clock


@click.command("list")
@click.argument("policy", required=False)
@json_option
@click.pass_obj
def command(settings: Settings, *, policy: str | None, as_json: bool) -> None:
    """List backups, newest first, of one policy or of all.

    Works from the catalog alone; tiers are shown while the policy files are valid. With --json,
    `trigger` is what made the run start: first, schedule, manual, or before_restore (a safety copy
    of what a restore replaced).
    """
    now = system_clock().now()
    desired = load_policies(settings.policies, environment=settings.environment).desired
    known = open_reader(settings)
    desired = None if desired is None else recall_databases(desired, known)
    reader = known if desired is None else read_renamed(desired, known)
    backups = _newest_first(reader, policy)
    if policy is not None and not backups and (desired is None or policy not in desired.policies):
        raise UsageError(
            f"there is no policy {policy!r} and no backup of one",
            next_step="`orchestrator status` shows the policies",
        )
    labels = labels_of(backups, desired, now)
    retired = (
        frozenset[Series]()
        if desired is None
        else retired_among((backup.series for backup in backups), desired)
    )
    if as_json:
        documents = [
            {
                **backup_as_json(backup, labels.get(backup.id, ())),
                "retired": backup.series in retired,
            }
            for backup in backups
        ]
        print_json({"version": 1, "backups": documents})
        return
    if not backups:
        click.echo("no backups yet: `orchestrator apply` takes the first of each series")
        return
    _print_backups(backups, labels, retired, now)


def _newest_first(reader: CatalogReader, policy: str | None) -> Sequence[Backup]:
    if policy is None:
        return reader.backups()[::-1]
    series = [one.series for one in reader.series_records() if one.series.policy == policy]
    found = [backup for one in series for backup in reader.backups(one)]
    return sorted(found, key=attrgetter("snapshot_at", "id"), reverse=True)


def _print_backups(
    backups: Sequence[Backup], labels: Labels, retired: AbstractSet[Series], now: datetime
) -> None:
    print_table(
        ("BACKUP", "SERIES", "AGE", "PROVED TO", "TIERS", "ROWS", "SIZE", "NEW", "COPIES", "MARKS"),
        [
            (
                backup.id,
                str(backup.series),
                say_age(now - backup.snapshot_at.astimezone(UTC)),
                backup.level.label if backup.level else "nothing yet",
                ", ".join(labels.get(backup.id, ())),
                f"{backup.rows:,}",
                say_size(backup.stored_bytes),
                say_size(backup.new_bytes),
                ", ".join(f"{copy.destination} ({copy.state.value})" for copy in backup.copies),
                ", ".join(
                    [*words_of_marks(backup, now), *(["retired"] * (backup.series in retired))]
                ),
            )
            for backup in backups
        ],
    )
