"""Storing each distinct chunk once (design §6).

Rule: a chunk is reused if a manifest at that destination names it and its stored size is right; one
that is there but unnamed is read back: right, it is adopted; wrong, it is moved aside and written
anew. What the newest backup there names counts, unless damage was found there since it was taken:
then every chunk is read back before it is reused, so that the next backup heals what rotted.
"""

import logging
import threading
from collections.abc import Mapping, Sequence
from hashlib import sha256

from orchestrator.archive.compression import CompressedChunk
from orchestrator.archive.layout import chunk_key, manifest_key
from orchestrator.archive.manifest import decode_manifest, digest_of
from orchestrator.errors import ObjectExistsError, ObjectMissingError, UnreadableManifestError
from orchestrator.execution.lease.hold_lease import HeldLease
from orchestrator.model.backup import Backup, CopyState
from orchestrator.model.names import ObjectKey
from orchestrator.ports.destination import Destination, DestinationReader

_log = logging.getLogger(__name__)


class ChunkStore:
    """The chunks of one series at one destination, as one run sees them; for several threads."""

    def __init__(
        self,
        destination: Destination,
        path: str,
        *,
        named: Mapping[ObjectKey, int],
        held: HeldLease,
    ) -> None:
        self._destination = destination
        self._path = path
        self._named = named
        self._held = held
        self._settled: set[ObjectKey] = set()
        self._settling = threading.Lock()

    def put(self, chunk: CompressedChunk) -> bool:
        """See to it that a chunk is stored, and return whether it had to be written.

        Raises:
            LeaseLostError: before anything is written.
            DestinationError: it could not be stored.
        """
        key = chunk_key(self._path, chunk.sha256)
        with self._settling:
            if key in self._settled:
                return False
        written = self._settle(key, chunk)
        with self._settling:
            self._settled.add(key)
        return written

    def _settle(self, key: ObjectKey, chunk: CompressedChunk) -> bool:
        there = self._destination.stat(key)
        if there is None:
            return self._write(key, chunk)
        if there.size == len(chunk.data) and self._named.get(key) == there.size:
            return False
        return self._adopt_or_rewrite(key, chunk)

    def _write(self, key: ObjectKey, chunk: CompressedChunk) -> bool:
        self._held.check()
        try:
            self._destination.create(key, chunk.data)
        except ObjectExistsError:
            # Another worker of this run had an equal chunk at the same moment.
            return self._adopt_or_rewrite(key, chunk)
        return True

    def _adopt_or_rewrite(self, key: ObjectKey, chunk: CompressedChunk) -> bool:
        if sha256(self._destination.read(key)).hexdigest() == chunk.sha256:
            return False
        self._held.check()
        aside = self._destination.move_aside(key)
        _log.warning("wrong_chunk_moved_aside", extra={"object_key": key, "aside": aside})
        self._held.check()
        self._destination.create(key, chunk.data)
        return True


def named_chunks(
    backups: Sequence[Backup], destination: DestinationReader
) -> Mapping[ObjectKey, int]:
    """Given a series' backups, oldest first, return key and size of what the newest names there.

    A manifest counts only as the catalog remembers it; one that is missing or unreadable names
    nothing, nor does any once damage was found there after the newest backup was taken.
    """
    if not backups or _damage_was_found_since(backups[-1], backups, destination):
        return {}
    newest = backups[-1]
    try:
        data = destination.read(manifest_key(newest.path, newest.id))
        if digest_of(data) == newest.manifest_digest:
            return {stored.key: stored.size for stored in decode_manifest(data).objects}
    except (ObjectMissingError, UnreadableManifestError) as error:
        _log.debug("manifest_names_nothing: %s", error, exc_info=error)
    _log.warning("manifest_names_nothing", extra={"backup": newest.id})
    return {}


def _damage_was_found_since(
    newest: Backup, backups: Sequence[Backup], destination: DestinationReader
) -> bool:
    """Chunks are shared: damage in any backup may be damage in what the newest one names."""
    return any(
        copy.state is CopyState.DAMAGED
        and copy.destination == destination.name
        and (copy.verified_at is None or copy.verified_at >= newest.snapshot_at)
        for backup in backups
        for copy in backup.copies
    )
