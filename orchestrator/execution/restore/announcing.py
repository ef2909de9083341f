"""Saying at the places of a backup that it is being restored, so that nothing goes from there (§6).

Whoever prunes, collects or erases looks for it, also with another catalog. A restore has to work
when everything else is broken: one that cannot say so goes on unsaid.
"""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from orchestrator.archive.intent import Intent, Purpose, encode_intent
from orchestrator.archive.layout import intent_key
from orchestrator.errors import OrchestratorError
from orchestrator.execution.attach_destination import open_attached
from orchestrator.execution.context import Execution
from orchestrator.execution.lease.intents import remove_intent
from orchestrator.model.backup import Backup
from orchestrator.ports.destination import Destination

ANNOUNCED_FOR = timedelta(hours=1)
"""How long a restore that died hinders whoever prunes; far more than clocks may differ (design §7)."""

_AGAIN_AFTER = timedelta(minutes=10)

_log = logging.getLogger(__name__)


@contextmanager
def announced_restore(backup: Backup, execution: Execution) -> Iterator[None]:
    """Say wherever a backup lies that it is being read there, until the block ends.

    Said again every now and then: nobody knows how long a restore takes. No place that cannot be
    reached, is full or takes no objects stops the block; the log has a warning then.
    """
    announcement = _Announcement(backup, execution)
    try:
        announcement.make()
        yield
    finally:
        announcement.take_back()


class _Announcement:
    """The intents of one restore, one at each place that takes it."""

    def __init__(self, backup: Backup, execution: Execution) -> None:
        self._backup = backup
        self._execution = execution
        self._run = execution.new_run_id()
        self._places: list[Destination] = []
        self._taken_back = threading.Event()
        self._renewal = threading.Thread(
            target=self._renew_until_taken_back, name=f"say restore {backup.id}", daemon=True
        )

    def make(self) -> None:
        """Say it, at every place that can be reached."""
        key = intent_key(self._backup.path, self._run)
        for place in self._reachable():
            try:
                place.create(key, self._encoded())
            except OrchestratorError as error:
                _warn(place, error)
            else:
                self._places.append(place)
        if self._places:
            self._renewal.start()

    def take_back(self) -> None:
        """Remove what was said; what stays ends by itself."""
        self._taken_back.set()
        if self._renewal.is_alive():
            self._renewal.join()
        for place in self._places:
            remove_intent(self._run, place, self._backup.path)

    def _reachable(self) -> Iterator[Destination]:
        for copy in self._backup.copies:
            try:
                yield open_attached(copy.destination, self._execution)
            except OrchestratorError as error:
                # Whoever reads the backup meets the same, and says it.
                _log.debug("restore_not_announced: %s", error, exc_info=error)

    def _encoded(self) -> bytes:
        me = self._execution.machine.whoami()
        intent = Intent(
            run=self._run,
            series=self._backup.series,
            host=me.host,
            process=me.process,
            purpose=Purpose.RESTORE,
            until=self._execution.clock.now() + ANNOUNCED_FOR,
        )
        return encode_intent(intent)

    def _renew_until_taken_back(self) -> None:
        while not self._taken_back.wait(_AGAIN_AFTER.total_seconds()):
            for place in self._places:
                self._renew(place)

    def _renew(self, place: Destination) -> None:
        try:
            place.replace(intent_key(self._backup.path, self._run), self._encoded())
        except OrchestratorError as error:
            _warn(place, error)


def _warn(place: Destination, error: OrchestratorError) -> None:
    what = {"destination": str(place.name), "what": error.what}
    _log.warning("restore_not_announced", extra=what)
    _log.debug("restore_not_announced: %s", error, exc_info=error)
