"""The machine's clock: the one place that reads it."""

import time
from datetime import UTC, datetime
from typing import final

from typing_extensions import override

from orchestrator.ports.clock import Clock


@final
class SystemClock(Clock):
    """Tells the machine's own time."""

    @override
    def now(self) -> datetime:
        return datetime.now(UTC)

    @override
    def monotonic(self) -> float:
        return time.monotonic()
