"""``run``: the loop that keeps the promises."""

import os
from datetime import timedelta

import click

from orchestrator.cli.exit_codes import ExitCode
from orchestrator.cli.loading import load_or_refuse
from orchestrator.cli.logging_setup import show_events
from orchestrator.cli.signals import CaughtSignals
from orchestrator.errors import UsageError
from orchestrator.policy.syntax.durations import parse_duration
from orchestrator.ports.progress import SilentProgress
from orchestrator.reconciler.loop import Loop, LoopEnd, Surroundings
from orchestrator.reconciler.policies_in_force import PoliciesInForce
from orchestrator.settings import Settings
from orchestrator.wiring import open_executions, policy_files, system_clock, system_sleeper

EXIT_CODES = {
    LoopEnd.FINISHED: ExitCode.DONE,
    LoopEnd.BROKEN_OFF: ExitCode.INTERRUPTED,
    LoopEnd.ABANDONED: ExitCode.INTERRUPTED,
}


@click.command("run")
@click.option(
    "--grace",
    default="60s",
    show_default=True,
    metavar="DURATION",
    help="How long a stop waits for runs under way before it breaks them off.",
)
@click.pass_obj
def command(settings: Settings, *, grace: str) -> int:
    """Make passes whenever something is due, until asked to stop.

    The policy files are read again when they change, and on SIGHUP; invalid ones are reported, and
    the last good ones stay in force. SIGTERM or Ctrl-C: nothing new is begun, and what is under way
    may end; a second one breaks it off at once. Exits with 0 if nothing was broken off, else 130.
    """
    show_events()
    patience = _parse_grace(grace)
    desired = load_or_refuse(settings)
    outside = Surroundings(
        clock=system_clock(),
        sleeper=system_sleeper(),
        signals=CaughtSignals(),
        executions=open_executions(settings, SilentProgress()),
        grace=patience,
    )
    end = Loop(PoliciesInForce(policy_files(settings), desired), outside).run()
    if end is LoopEnd.ABANDONED:
        # A thread that does not end would keep the process alive. Log lines are not buffered.
        os._exit(EXIT_CODES[end])
    return EXIT_CODES[end]


def _parse_grace(text: str) -> timedelta:
    if text in {"0", "0s"}:
        return timedelta(0)
    try:
        return parse_duration(text)
    except ValueError as error:
        raise UsageError(
            f"--grace {text!r} is not a duration", next_step="write it as 30s or 5m"
        ) from error
