"""Signals that ask a running loop to stop, or to read its files again."""

import signal
from types import FrameType
from typing import final

from typing_extensions import override

from orchestrator.ports.signals import Signals


@final
class CaughtSignals(Signals):
    """Counts signals of this process from now on.

    A handler only counts: it runs between any two steps of the main thread, where a lock that the
    thread itself holds could be taken a second time.
    """

    def __init__(self) -> None:
        """Catch SIGTERM, SIGINT and SIGHUP."""
        self._stops = 0
        self._reloads = 0
        signal.signal(signal.SIGTERM, self._count_stop)
        signal.signal(signal.SIGINT, self._count_stop)
        signal.signal(signal.SIGHUP, self._count_reload)

    @property
    @override
    def stops(self) -> int:
        return self._stops

    @property
    @override
    def reloads(self) -> int:
        return self._reloads

    def _count_stop(self, _number: int, _frame: FrameType | None) -> None:
        self._stops += 1

    def _count_reload(self, _number: int, _frame: FrameType | None) -> None:
        self._reloads += 1
