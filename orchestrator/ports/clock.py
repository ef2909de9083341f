"""Time."""

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """Tells the time to whoever may ask: the reconciler, execution and the command line."""

    def now(self) -> datetime:
        """Return the wall-clock time as an aware UTC datetime."""
        ...

    def monotonic(self) -> float:
        """Return seconds that never run backwards; only differences mean anything."""
        ...


class Sleeper(Protocol):
    """Lets time pass."""

    def sleep(self, seconds: float) -> None:
        """Return after about so many seconds that `Clock.monotonic` would count."""
        ...
