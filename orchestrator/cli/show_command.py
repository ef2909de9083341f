"""``show``: one backup in full, with what is inside as its stored details say."""

from collections.abc import Iterator
from datetime import UTC

import click

from orchestrator.cli.backup_document import backup_as_json, left_out_as_json
from orchestrator.cli.backup_reference import find_backup
from orchestrator.cli.labels import labels_of
from orchestrator.cli.loading import load_or_refuse
from orchestrator.cli.marks import sentences_of_marks
from orchestrator.cli.options import json_option
from orchestrator.cli.rendering import format_utc, print_json, print_table, printable
from orchestrator.execution.context import Execution
from orchestrator.execution.restore.fetch_objects import open_backup, read_details
from orchestrator.model.backup import Backup
from orchestrator.model.contents import (
    DatabaseProperties,
    Details,
    ServerIdentity,
    TableData,
    position_text,
)
from orchestrator.planning.phrases import count, say_size
from orchestrator.ports.progress import SilentProgress
from orchestrator.settings import Settings
from orchestrator.wiring import build_execution


@click.command("show")
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
) -> None:
    """Show one backup in full: what it holds, where it lies, how far it is proved.

    The tables come from the details as stored, so this also shows that they can be read.
    """
    execution = build_execution(settings, load_or_refuse(settings), SilentProgress())
    backup = find_backup(
        execution.reader,
        reference,
        policy=policy,
        database=database,
        desired=execution.desired,
    )
    details = _details_of(backup, execution)
    of_series = execution.reader.backups(backup.series)
    labels = labels_of(of_series, execution.desired, execution.clock.now())
    tiers = labels.get(backup.id, ())
    if as_json:
        print_json({"version": 1, **backup_as_json(backup, tiers), **_contents_as_json(details)})
        return
    _print_summary(backup, ", ".join(tiers))
    _print_contents(details)


def _details_of(backup: Backup, execution: Execution) -> Details:
    objects = open_backup(backup, execution)
    return read_details(objects, objects.manifest())


def _print_summary(backup: Backup, tiers: str) -> None:
    lines = {
        "backup": backup.id,
        "series": f"{backup.series}, number {backup.sequence}, stored under {backup.path}",
        "snapshot": f"{backup.snapshot_at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC",
        "reason": str(backup.reason),
        "policy": f"revision {backup.revision[:12]}, git {backup.git_commit or 'none'}",
        "tiers": tiers or "none",
        "size": f"{say_size(backup.stored_bytes)} stored, {say_size(backup.new_bytes)} of"
        f" them new; {say_size(backup.text_bytes)} as text",
    }
    for name, text in lines.items():
        click.echo(printable(f"{name:9} {text}"))
    for copy in backup.copies:
        proof = f"proved to {copy.level.label}" if copy.level else "nothing proved yet"
        when = f" at {format_utc(copy.verified_at)}" if copy.verified_at else ""
        trouble = f": {copy.trouble}" if copy.trouble else ""
        text = f"copy      {copy.destination}: {copy.state.value}, {proof}{when}{trouble}"
        click.echo(printable(text))
    for name, text in sentences_of_marks(backup):
        click.echo(printable(f"{name:9} {text}"))


def _print_contents(details: Details) -> None:
    for text in _server_lines(details.identity, details.properties):
        click.echo(printable(f"server    {text}"))
    click.echo()
    print_table(
        ("TABLE", "ROWS", "TEXT", "CHUNKS"),
        [
            (
                str(data.table.name),
                f"{data.rows:,}",
                say_size(_text_bytes(data)),
                str(len(data.chunks)),
            )
            for data in details.tables
        ],
    )
    click.echo(
        f"and {count(len(details.large_objects), 'large object')},"
        f" {count(len(details.sequences), 'sequence')},"
        f" {count(len(details.roles), 'role')}"
    )
    for item in details.absent:
        click.echo(printable(f"left out: {item}"))


def _server_lines(server: ServerIdentity, database: DatabaseProperties) -> Iterator[str]:
    """Yield where the rows came from; of a standby, up to which moment it had followed."""
    yield (
        f"PostgreSQL {server.version}, system {server.system_identifier},"
        f" database {database.name!r} in {database.encoding}"
    )
    wal = server.wal
    if server.in_recovery:
        until = None if wal is None else wal.replayed_until
        yield "a standby; the last transaction it had replayed was " + (
            "not known" if until is None else f"committed at {format_utc(until)}"
        )
    if wal is not None:
        timeline = "not shown" if wal.timeline is None else wal.timeline
        yield f"log at {position_text(wal.position)}, timeline {timeline}"


def _text_bytes(data: TableData) -> int:
    return sum(chunk.text_bytes for chunk in data.chunks)


def _contents_as_json(details: Details) -> dict[str, object]:
    return {
        "contents": {
            "server_version": details.identity.version,
            "system_identifier": details.identity.system_identifier,
            **_standing_as_json(details.identity),
            "encoding": details.properties.encoding,
            "tables": [
                {
                    "schema": data.table.name.schema,
                    "name": data.table.name.name,
                    "rows": data.rows,
                    "text_bytes": _text_bytes(data),
                    "chunks": len(data.chunks),
                }
                for data in details.tables
            ],
            "large_objects": len(details.large_objects),
            "sequences": len(details.sequences),
            "roles": [role.name for role in details.roles],
            "left_out": left_out_as_json(details.left_out),
            "uncovered": [str(name) for name in details.uncovered],
        }
    }


def _standing_as_json(server: ServerIdentity) -> dict[str, object]:
    """Return what is known of where the server stood; null is not known."""
    wal = server.wal
    until = None if wal is None else wal.replayed_until
    return {
        "standby": server.in_recovery,
        "timeline": None if wal is None else wal.timeline,
        "log_position": None if wal is None else position_text(wal.position),
        "replayed_until": None if until is None else format_utc(until),
    }
