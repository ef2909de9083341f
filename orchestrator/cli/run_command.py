"""``run``: the loop that keeps the promises."""

import os
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import click

from orchestrator.cli.catalog_alarm import catalog_alarm
from orchestrator.cli.exit_codes import ExitCode
from orchestrator.cli.logging_setup import show_events
from orchestrator.cli.metrics_file import metrics_option, metrics_to
from orchestrator.cli.policy_alarm import load_or_alarm
from orchestrator.cli.signals import CaughtSignals
from orchestrator.cli.times import parse_span
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
@metrics_option
@click.pass_obj
def command(settings: Settings, *, grace: str, metrics_file: Path | None) -> int:
    """Make passes whenever something is due, until asked to stop.

    The policy files are read again when they change, and on SIGHUP; invalid ones are reported, and
    the last good ones stay in force. SIGTERM or Ctrl-C: nothing new is begun, and what is under way
    may end; a second one breaks it off at once. Exits with 0 if nothing was broken off, else 130.
    """
    show_events()
    patience = _parse_grace(grace)
    with metrics_to(metrics_file) as metrics:
        desired = load_or_alarm(settings)
        with catalog_alarm(desired, settings):
            open_execution = open_executions(settings, SilentProgress())
    outside = Surroundings(
        clock=system_clock(),
        sleeper=system_sleeper(),
        signals=CaughtSignals(),
        executions=lambda desired: replace(open_execution(desired), metrics=metrics),
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
    return parse_span("--grace", text)
