"""``acknowledge``: a human has looked at a suspicious backup, or at the clock."""

import click

from orchestrator.cli.backup_reference import find_backup
from orchestrator.cli.loading import load_or_refuse
from orchestrator.cli.marks import report_marking
from orchestrator.cli.options import json_option
from orchestrator.cli.rendering import format_utc, print_json, printable
from orchestrator.errors import UsageError
from orchestrator.execution.marks.acknowledge_clock import ClockAcknowledged, acknowledge_clock
from orchestrator.execution.marks.mark_backup import acknowledge_backup
from orchestrator.ports.progress import SilentProgress
from orchestrator.settings import Settings
from orchestrator.wiring import build_execution, server_clock


@click.command("acknowledge")
@click.argument("reference", metavar="BACKUP", required=False)
@click.option("--clock", is_flag=True, help="Instead of a backup: this machine's clock is right.")
@click.option("--reason", required=True, help="What you found; shown wherever the backup is.")
@click.option("--policy", help="Only backups of this policy.")
@click.option("--database", help="Only backups of this database.")
@json_option
@click.pass_obj
def command(
    settings: Settings,
    /,
    *,
    clock: bool,
    reason: str,
    as_json: bool,
    **options: str | None,
) -> int:
    """Say that a human looked at a suspicious backup and that it is right: pruning goes on.

    The next backups are compared with this one. `show` says why it is suspicious.

    With --clock: after a pass was made while the clock was ahead, nothing is pruned until that time
    has come, or until you say that the clock is right now. Servers and destinations are asked first
    for theirs.
    """
    _require_one(clock=clock, **options)
    execution = build_execution(settings, load_or_refuse(settings), SilentProgress())
    if clock:
        done = acknowledge_clock(reason=reason, servers=server_clock(settings), execution=execution)
        return _report_clock(done, as_json=as_json)
    backup = find_backup(
        execution.reader,
        options["reference"] or "",
        policy=options["policy"],
        database=options["database"],
        desired=execution.desired,
    )
    marking = acknowledge_backup(backup, reason=reason, execution=execution)
    return report_marking(marking, "acknowledged", as_json=as_json)


def _require_one(*, clock: bool, **options: str | None) -> None:
    """Do nothing if it is said what is acknowledged.

    Raises:
        UsageError: it is not, or two things are.
    """
    if clock == any(options.values()):
        raise UsageError(
            "either a backup is acknowledged or the clock",
            next_step="name a backup, such as `latest`, or give --clock alone",
        )


def _report_clock(done: ClockAcknowledged, *, as_json: bool) -> int:
    if as_json:
        print_json(
            {
                "version": 1,
                "was_ahead_until": format_utc(done.later),
                "agreeing": list(done.agreeing),
                "silent": dict(done.silent),
            }
        )
        return 0
    click.echo(f"the clock is acknowledged; passes up to {format_utc(done.later)} count no more")
    for name in done.agreeing:
        click.echo(printable(f"  {name} agrees"))
    for name, why in done.silent.items():
        click.echo(printable(f"  {name} could not be asked: {why}"))
    return 0
