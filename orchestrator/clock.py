"""The machine's clock: the one place that reads it."""

import time
from datetime import UTC, datetime
from typing import final

from typing_extensions import override

from orchestrator.ports.clock import Clock, Sleeper


@final
class SystemClock(Clock):
    """Tells the machine's own time."""

    @override
    def now(self) -> datetime:
        return datetime.now(UTC)

    @override
    def monotonic(self) -> float:
        return time.monotonic()


@final
class SystemSleeper(Sleeper):
    """Lets the machine's own time pass."""

    @override
    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)
