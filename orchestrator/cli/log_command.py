"""``log``: who did what, when, and how it ended."""

import click

from orchestrator.cli.options import json_option
from orchestrator.cli.rendering import format_utc, print_json, print_table
from orchestrator.cli.times import parse_time
from orchestrator.model.run import LogEntry
from orchestrator.settings import Settings
from orchestrator.wiring import open_reader


@click.command("log")
@click.option("--since", metavar="TIME", help="Only from that time on (UTC without an offset).")
@json_option
@click.pass_obj
def command(settings: Settings, *, since: str | None, as_json: bool) -> None:
    """Show every backup, restore, verification and change, and who made it."""
    entries = open_reader(settings).log(since=None if since is None else parse_time(since))
    if as_json:
        print_json({"version": 1, "entries": [_document(entry) for entry in entries]})
        return
    print_table(
        ("TIME (UTC)", "WHO", "ACTION", "SUBJECT", "OUTCOME", "DETAIL"),
        [
            (
                f"{entry.at:%Y-%m-%d %H:%M:%S}",
                f"{entry.actor.user}@{entry.actor.host}",
                entry.action.value,
                entry.subject,
                entry.outcome.value,
                ", ".join(f"{name}={text}" for name, text in entry.detail.items()),
            )
            for entry in entries
        ],
    )


def _document(entry: LogEntry) -> dict[str, object]:
    return {
        "at": format_utc(entry.at),
        "user": entry.actor.user,
        "host": entry.actor.host,
        "process": entry.actor.process,
        "action": entry.action.value,
        "subject": entry.subject,
        "outcome": entry.outcome.value,
        "detail": dict(entry.detail),
    }
