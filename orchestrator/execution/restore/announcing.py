"""Saying at the places of a backup that it is being restored, so that nothing goes from there (§6).

Whoever prunes, collects or erases looks for it, also with another catalog. A restore has to work
when everything else is broken: one that cannot say so goes on unsaid.
"""

import logging
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, wait
from contextlib import contextmanager
from datetime import timedelta

from orchestrator.archive.intent import Intent, Purpose, encode_intent
from orchestrator.archive.layout import intent_key
from orchestrator.errors import OrchestratorError
from orchestrator.execution.attach_destination import open_attached
from orchestrator.execution.context import Execution
from orchestrator.execution.lease.intents import remove_intent
from orchestrator.model.backup import Backup
from orchestrator.model.names import DestinationName, ObjectKey, RunId
from orchestrator.ports.destination import Destination

ANNOUNCED_FOR = timedelta(hours=1)
"""How long a restore that died hinders whoever prunes; far more than clocks may differ (design §7)."""

_AGAIN_AFTER = timedelta(minutes=10)

PATIENCE_SECONDS = 5.0
"""So long a restore waits for the places at its beginning and at its end, for all together."""

_log = logging.getLogger(__name__)


@contextmanager
def announced_restore(backup: Backup, execution: Execution) -> Iterator[None]:
    """Say wherever a backup lies that it is being read there, until the block ends.

    Said again every now and then: nobody knows how long a restore takes. No place that cannot be
    reached, does not answer, is full or takes no objects stops the block; the log has a warning then.
    """
    run = execution.new_run_id()
    announcements = [
        _Announcement(copy.destination, run, backup, execution) for copy in backup.copies
    ]
    try:
        for one in announcements:
            one.begin()
        _wait_for(announcements, [one.said for one in announcements])
        yield
    finally:
        for one in announcements:
            one.end()
        _wait_for(announcements, [one.taken_back for one in announcements])


class _Announcement:
    """The intent of a restore at one place, made, renewed and removed by a thread of its own.

    A file system whose server is gone makes whoever asks it wait for ever: that thread then, and no
    restore from another place.
    """

    def __init__(
        self, name: DestinationName, run: RunId, backup: Backup, execution: Execution
    ) -> None:
        self.name = name
        self.said, self.taken_back = Future[None](), Future[None]()
        self._run, self._backup, self._execution = run, backup, execution
        self._ended = threading.Event()
        self._thread = threading.Thread(
            target=self._live, name=f"say restore {backup.id} at {name}", daemon=True
        )

    def begin(self) -> None:
        """Begin to say it."""
        self._thread.start()

    def end(self) -> None:
        """Begin to take it back; what stays ends by itself."""
        self._ended.set()

    def _live(self) -> None:
        try:
            place = self._say()
            self.said.set_result(None)
            if place is not None:
                self._renew_until_ended(place)
                remove_intent(self._run, place, self._backup.path)
            self.taken_back.set_result(None)
        except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
            for answer in (self.said, self.taken_back):
                if not answer.done():
                    answer.set_exception(error)

    def _say(self) -> Destination | None:
        try:
            place = open_attached(self.name, self._execution)
        except OrchestratorError as error:
            # Whoever reads the backup meets the same, and says it.
            _log.debug("restore_not_announced: %s", error, exc_info=error)
            return None
        try:
            place.create(self._key, self._encoded())
        except OrchestratorError as error:
            _warn(self.name, error.what)
            _log.debug("restore_not_announced: %s", error, exc_info=error)
            return None
        return place

    def _renew_until_ended(self, place: Destination) -> None:
        while not self._ended.wait(_AGAIN_AFTER.total_seconds()):
            try:
                place.replace(self._key, self._encoded())
            except OrchestratorError as error:
                _warn(self.name, error.what)
                _log.debug("restore_not_announced: %s", error, exc_info=error)

    @property
    def _key(self) -> ObjectKey:
        return intent_key(self._backup.path, self._run)

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


def _wait_for(announcements: Sequence[_Announcement], answers: Sequence[Future[None]]) -> None:
    """Wait for the places a while; a defect that met one of them is raised here."""
    wait(answers, timeout=PATIENCE_SECONDS)
    for one, answer in zip(announcements, answers, strict=True):
        if answer.done():
            answer.result()
        else:
            _warn(one.name, f"it did not answer within {PATIENCE_SECONDS:.0f} s")


def _warn(name: DestinationName, what: str) -> None:
    _log.warning("restore_not_announced", extra={"destination": str(name), "what": what})
