"""Marks in words: on a line of `list`, in `show` and `status`, and what came of making one."""

from collections.abc import Iterator
from datetime import datetime

import click

from orchestrator.cli.backup_document import marks_as_json
from orchestrator.cli.exit_codes import ExitCode
from orchestrator.cli.rendering import format_utc, print_json, printable
from orchestrator.execution.marks.mark_backup import Marking
from orchestrator.model.backup import Backup
from orchestrator.model.marks import Hold


def words_of_marks(backup: Backup, now: datetime) -> Iterator[str]:
    """Yield one word for each thing that is said of a backup at that time."""
    if backup.suspicion is not None:
        yield "SUSPICIOUS" if backup.acknowledged is None else "acknowledged"
    if backup.is_safety_copy:
        yield str(backup.reason)
    if backup.is_held(now):
        yield "held"


def sentences_of_marks(backup: Backup) -> Iterator[tuple[str, str]]:
    """Yield a name and a sentence for each thing that is said of a backup."""
    if backup.suspicion is not None:
        for reason in backup.suspicion.reasons:
            yield "suspicion", reason
    if backup.acknowledged is not None:
        mark = backup.acknowledged
        yield "acknowl.", f"by {mark.who}, {format_utc(mark.at)}: {mark.reason}"
    for hold in backup.holds:
        yield "held", say_hold(hold)


def say_hold(hold: Hold) -> str:
    """Return a hold as a sentence."""
    until = f"until {format_utc(hold.until)}" if hold.until else "until it is released"
    return f"{until}, by {hold.who}, {format_utc(hold.at)}: {hold.reason}"


def report_marking(marking: Marking, done: str, *, as_json: bool) -> ExitCode:
    """Print what came of marking a backup, and return the exit code: 3 if a place is missing.

    ``done`` says what the backup is now, such as ``held``.
    """
    backup = marking.backup
    if as_json:
        print_json(_document(marking))
    elif marking.rebuild_acknowledged:
        sentence = f"{backup.id} of {backup.series} is {done}, and with it the rebuilt catalog"
        click.echo(printable(sentence))
    elif marking.made:
        click.echo(printable(f"{backup.id} of {backup.series} is {done}"))
    else:
        click.echo(printable(f"{backup.id} of {backup.series} was {done} already"))
    for name, error in marking.troubles.items():
        click.echo(printable(f"NOT written at {name}: {error}"), err=True)
        click.echo(printable(f"  {error.next_step}"), err=True)
    if not marking.troubles:
        return ExitCode.DONE
    click.echo("run the same command again to write it there, too", err=True)
    return ExitCode.PARTLY_DONE


def _document(marking: Marking) -> dict[str, object]:
    return {
        "version": 1,
        "backup": marking.backup.id,
        "made": [mark.name for mark in marking.made],
        "rebuild_acknowledged": marking.rebuild_acknowledged,
        "written_to": list(marking.written_to),
        "errors": [
            {"destination": name, "code": error.code, "what": error.what}
            for name, error in marking.troubles.items()
        ],
        **marks_as_json(marking.backup),
    }
