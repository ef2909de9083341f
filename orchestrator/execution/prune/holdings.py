"""What lies below the path of a series at a destination, and what of it nothing names."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from orchestrator.archive.layout import backups_prefix, chunks_prefix, intents_prefix
from orchestrator.archive.manifest import decode_manifest
from orchestrator.errors import ObjectMissingError, UnreadableManifestError
from orchestrator.execution.prune.intents import SeenIntent, read_intents
from orchestrator.model.manifest import Manifest, StoredObject
from orchestrator.model.names import BACKUP_ID_PATTERN, BackupId, ObjectKey
from orchestrator.ports.destination import DestinationReader, ObjectInfo

_ASIDE = re.compile(r"(.+)\.wrong-\d+", re.ASCII)
_CHUNK = re.compile(r"[0-9a-f]{2}/[^/]+\.copy\.zst(\.age)?", re.ASCII)
_BACKUP_FOLDER = re.compile(rf"({BACKUP_ID_PATTERN.pattern})/.+", re.ASCII)
_MANIFEST = "/manifest.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Holdings:
    """Everything of a series at one moment: sizes by key, what manifests name, and who is at work.

    ``folders`` are the beginnings of the keys of backups that have a manifest.
    """

    path: str
    sizes: Mapping[ObjectKey, int]
    named: Mapping[ObjectKey, StoredObject]
    folders: frozenset[str]
    intents: tuple[SeenIntent, ...]
    at: datetime

    @property
    def backups(self) -> frozenset[BackupId]:
        """The backups that have a manifest there."""
        prefix = backups_prefix(self.path)
        return frozenset(
            BackupId(folder.removeprefix(prefix).rstrip("/")) for folder in self.folders
        )

    def find_worker(self) -> str | None:
        """Return who may be at work there, in words, or None."""
        alive = (intent for intent in self.intents if intent.is_alive(self.at))
        return next((intent.sentence for intent in alive), None)

    def is_unreferenced(self, key: ObjectKey) -> bool:
        """Whether an object is one of ours and nothing there names it.

        What has no form that this program writes is not ours to judge.
        """
        base = base_of(key)
        if base is not None:
            return self._has_our_form(base)
        if self.is_intent(key):
            dead = (intent.key for intent in self.intents if not intent.is_alive(self.at))
            return key in dead
        if self._folder_of(key) in self.folders:
            return False
        return self._has_our_form(key) and key not in self.named

    def is_intent(self, key: ObjectKey) -> bool:
        """Whether a key is that of an intent."""
        return key.startswith(intents_prefix(self.path))

    def belongs(self, key: ObjectKey) -> bool:
        """Whether a manifest names an object, or its backup has one."""
        return key in self.named or self._folder_of(key) in self.folders

    def unreferenced(self) -> Iterator[ObjectKey]:
        """Yield every object that nothing names, sorted."""
        return (key for key in sorted(self.sizes) if self.is_unreferenced(key))

    def _has_our_form(self, key: ObjectKey) -> bool:
        chunks = chunks_prefix(self.path)
        if key.startswith(chunks):
            return _CHUNK.fullmatch(key.removeprefix(chunks)) is not None
        return self._folder_of(key) is not None

    def _folder_of(self, key: ObjectKey) -> str | None:
        prefix = backups_prefix(self.path)
        if not key.startswith(prefix):
            return None
        found = _BACKUP_FOLDER.fullmatch(key.removeprefix(prefix))
        return None if found is None else f"{prefix}{found[1]}/"


def base_of(key: ObjectKey) -> ObjectKey | None:
    """Return the key that an object had before it was moved aside, or None if it was not."""
    found = _ASIDE.fullmatch(key)
    return None if found is None else ObjectKey(found[1])


class HoldingsReader:
    """Looks at a series at a destination, again and again; a manifest that is known is not reread.

    A manifest is created once and never changed, so its key, size and time identify it.
    """

    def __init__(self, destination: DestinationReader, path: str) -> None:
        self._destination = destination
        self._path = path
        self._manifests: dict[ObjectInfo, Manifest] = {}
        self._unreadable: dict[ObjectKey, UnreadableManifestError] = {}

    @property
    def unreadable(self) -> tuple[ObjectKey, ...]:
        """The manifests that no look so far could read, sorted."""
        return tuple(sorted(self._unreadable))

    def look(self, now: datetime) -> Holdings:
        """Return everything of the series that lies there.

        Raises:
            UnreadableManifestError: nobody can know what an unreadable manifest names.
            DestinationError: the destination cannot be read.
        """
        # Intents first: a writer that ends in between has left its manifest, which is read later.
        intents = tuple(read_intents(self._destination, self._path))
        infos = list(self._destination.list(f"{self._path}/"))
        manifests = [manifest for info in infos if (manifest := self._manifest_of(info))]
        for error in self._unreadable.values():
            raise error
        return Holdings(
            path=self._path,
            sizes={info.key: info.size for info in infos},
            named={stored.key: stored for manifest in manifests for stored in manifest.objects},
            folders=frozenset(
                f"{backups_prefix(self._path)}{manifest.backup}/" for manifest in manifests
            ),
            intents=intents,
            at=now,
        )

    def _manifest_of(self, info: ObjectInfo) -> Manifest | None:
        is_manifest = info.key.startswith(backups_prefix(self._path)) and info.key.endswith(
            _MANIFEST
        )
        if not is_manifest:
            return None
        if info not in self._manifests:
            try:
                data = self._destination.read(info.key)
                self._manifests[info] = decode_manifest(data, key=info.key)
            except ObjectMissingError:
                return None
            except UnreadableManifestError as error:
                self._unreadable[info.key] = UnreadableManifestError(
                    f"nothing is collected at {self._destination.name}: {info.key} cannot be read,"
                    f" and nobody knows what it names ({error.what})",
                    next_step=error.next_step,
                )
                return None
        return self._manifests[info]
