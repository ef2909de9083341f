"""The command with a short lease, or with a clock that is ahead, for tests that cannot wait.

``python -m tests.faults.command LEASE_SECONDS SHIFT_SECONDS ARGUMENTS…``; 0 leaves a number as it
is. All else is the product: the same wiring, adapters and exit codes.
"""

import sys
from datetime import UTC, datetime, timedelta
from functools import partial

from orchestrator import wiring
from orchestrator.cli import main
from orchestrator.clock import SystemClock
from orchestrator.execution.context import Execution

RENEWALS = 4
"""How often a lease is renewed before it would end, as in the product."""


def shorten_leases(seconds: float) -> None:
    duration = timedelta(seconds=seconds)
    short = partial(Execution, lease_duration=duration, renewal_interval=duration / RENEWALS)
    wiring.Execution = short  # type: ignore[assignment,misc]  # the one place that makes them


def shift_clock(seconds: float) -> None:
    shift = timedelta(seconds=seconds)
    SystemClock.now = lambda _: datetime.now(UTC) + shift  # type: ignore[method-assign]  # noqa: TID251


if __name__ == "__main__":
    lease, ahead = float(sys.argv.pop(1)), float(sys.argv.pop(1))
    if lease:
        shorten_leases(lease)
    if ahead:
        shift_clock(ahead)
    main.main()
