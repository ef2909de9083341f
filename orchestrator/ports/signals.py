"""What the process is asked to do while it runs."""

from typing import Protocol


class Signals(Protocol):
    """Counts the requests that came so far; the counts only grow."""

    @property
    def stops(self) -> int:
        """How often somebody asked to stop (SIGTERM, SIGINT)."""
        ...

    @property
    def reloads(self) -> int:
        """How often somebody asked to read the policy files again (SIGHUP)."""
        ...
