"""Removing what nothing names, so that no writer ever loses an object to it (design §6; fault F65).

A catalog's lease keeps only its own runs away. Against the writers of other catalogs each object is
moved aside first; then intents and manifests are read again, and only what still nobody names or
could be about to name is removed. A writer says that he writes before he looks for chunks. So he is
seen, or he finds the chunk moved away and writes it anew, or his manifest is there by then.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from orchestrator.errors import ObjectExistsError, ObjectMissingError
from orchestrator.execution.prune.holdings import Holdings, HoldingsReader, base_of
from orchestrator.execution.prune.remove_copy import remove_object
from orchestrator.model.names import ObjectKey
from orchestrator.ports.clock import Clock
from orchestrator.ports.destination import Destination

BATCH = 50

_log = logging.getLogger(__name__)


@dataclass(slots=True, kw_only=True)
class Collected:
    """What was removed, in bytes by key, and why it went no further, in words, or None."""

    removed: dict[ObjectKey, int] = field(default_factory=dict)
    stopped_by: str | None = None


class Collector:
    """Collects at one destination, while the lease of the series is ours."""

    def __init__(
        self, destination: Destination, path: str, *, clock: Clock, check: Callable[[], None]
    ) -> None:
        """``check`` is called before each object that is moved or removed."""
        self._destination = destination
        self._reader = HoldingsReader(destination, path)
        self._clock = clock
        self._check = check

    @property
    def unreadable(self) -> tuple[ObjectKey, ...]:
        """The manifests that could not be read, which ended the collection."""
        return self._reader.unreadable

    def look(self) -> Holdings:
        """Return everything of the series that lies there, after what was moved aside wrongly is back.

        Raises:
            UnreadableManifestError: nobody can know what an unreadable manifest names.
            DestinationError: the destination cannot be read or written.
        """
        holdings = self._reader.look(self._clock.now())
        mended = [aside for aside in _find_wronged(holdings) if self._mend(aside, holdings)]
        return self._reader.look(self._clock.now()) if mended else holdings

    def collect(self, ripe: Sequence[ObjectKey], into: Collected) -> None:
        """Remove objects that were seen unreferenced for long enough, as far as still nothing does.

        What was done is in ``into``, also when an error ends it.

        Raises:
            ObjectKeptError: the destination does not let go of an object.
            LeaseLostError: another run took over; nothing more was removed.
            UnreadableManifestError: nobody can know what an unreadable manifest names.
            DestinationError: the destination cannot be read or written.
        """
        for start in range(0, len(ripe), BATCH):
            self._collect_batch(ripe[start : start + BATCH], into)
            if into.stopped_by is not None:
                return

    def _collect_batch(self, batch: Sequence[ObjectKey], into: Collected) -> None:
        before = self._reader.look(self._clock.now())
        into.stopped_by = before.find_worker()
        if into.stopped_by is not None:
            return
        going = [key for key in batch if key in before.sizes and before.is_unreferenced(key)]
        aside = dict(self._move_aside(going, before))
        after = self._reader.look(self._clock.now())
        into.stopped_by = after.find_worker()
        for key, moved in aside.items():
            if into.stopped_by is not None or after.belongs(key):
                self._put_back(moved, key)
            else:
                remove_object(moved, self._destination, self._check)
                into.removed[key] = before.sizes[key]

    def _move_aside(
        self, keys: Sequence[ObjectKey], before: Holdings
    ) -> Iterator[tuple[ObjectKey, ObjectKey]]:
        """Yield each key, and where its object is now; nobody relies on what lies aside already."""
        for key in keys:
            if base_of(key) is not None or before.is_intent(key):
                yield key, key
                continue
            self._check()
            try:
                yield key, self._destination.move_aside(key)
            except ObjectMissingError:
                continue

    # -------------------------------------------------------------- putting back
    def _mend(self, aside: ObjectKey, holdings: Holdings) -> bool:
        """Put back what a collection that was killed had moved aside, if it is what is named."""
        key = base_of(aside)
        stored = None if key is None else holdings.named.get(key)
        if key is None or stored is None:
            return False
        try:
            data = self._destination.read(aside)
        except ObjectMissingError:
            return False
        if sha256(data).hexdigest() != stored.sha256:
            return False
        self._check()
        self._create(key, data)
        _log.warning("object_put_back", extra={"object_key": key})
        return True

    def _put_back(self, moved: ObjectKey, key: ObjectKey) -> None:
        if moved == key:
            return
        self._create(key, self._destination.read(moved))
        remove_object(moved, self._destination, self._check)

    def _create(self, key: ObjectKey, data: bytes) -> None:
        try:
            self._destination.create(key, data)
        except ObjectExistsError:
            _log.debug("written_anew_meanwhile", extra={"object_key": key})


def _find_wronged(holdings: Holdings) -> Iterator[ObjectKey]:
    """Yield what lies aside although its place is empty and a manifest names it."""
    for key in sorted(holdings.sizes):
        base = base_of(key)
        if base is not None and base in holdings.named and base not in holdings.sizes:
            yield key
