"""Who says at a destination that he works on a series there (design §6, intents).

One whose time has passed has ended, whatever became of him. One that cannot be read counts as
alive: its owner may be at work.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from orchestrator.archive.intent import Purpose, decode_intent
from orchestrator.archive.layout import intents_prefix
from orchestrator.errors import DamagedBackupError, ObjectMissingError, UnreadableManifestError
from orchestrator.model.names import ObjectKey
from orchestrator.planning.phrases import say_time
from orchestrator.ports.destination import DestinationReader

READERS = frozenset({Purpose.RESTORE, Purpose.REPAIR, None})


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenIntent:
    """An intent as it lies there. ``purpose`` and ``until`` are None if it cannot be read."""

    key: ObjectKey
    purpose: Purpose | None
    until: datetime | None
    sentence: str

    def is_alive(self, now: datetime) -> bool:
        """Whether its owner may be at work."""
        return self.until is None or now < self.until


def read_intents(destination: DestinationReader, path: str) -> Iterator[SeenIntent]:
    """Yield the intents of a series, dead ones included.

    Raises:
        DestinationError: the destination cannot be read.
    """
    for info in destination.list(intents_prefix(path)):
        try:
            intent = decode_intent(destination.read(info.key))
        except ObjectMissingError:
            continue
        except (DamagedBackupError, UnreadableManifestError) as error:
            sentence = f"{info.key} cannot be read: {error.what}; {error.next_step}"
            yield SeenIntent(key=info.key, purpose=None, until=None, sentence=sentence)
        else:
            yield SeenIntent(
                key=info.key,
                purpose=intent.purpose,
                until=intent.until,
                sentence=f"run {intent.run} (process {intent.process} on {intent.host}) says that"
                f" it is at work there until {say_time(intent.until)}",
            )


def find_readers(destination: DestinationReader, path: str, now: datetime) -> str | None:
    """Return who may be reading backups of a series there, in words, or None."""
    alive = (intent for intent in read_intents(destination, path) if intent.is_alive(now))
    return next((intent.sentence for intent in alive if intent.purpose in READERS), None)
