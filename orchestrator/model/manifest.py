"""The manifest: the one object that makes a set of objects a backup (design §6)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from orchestrator.model.backup import RunReason
from orchestrator.model.names import BackupId, ObjectKey, RunId, Series

FORMAT_VERSION = 1


class ObjectRole(Enum):
    """What an object of a backup is."""

    CHUNK = "chunk"
    SCHEMA = "schema"
    GLOBALS = "globals"
    DETAILS = "details"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredObject:
    """One object of a backup. ``size`` and ``sha256`` are of the stored bytes."""

    key: ObjectKey
    role: ObjectRole
    size: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestSource:
    """Which server the backup came from, as far as may be said in clear."""

    engine: str
    system_identifier: str
    database_oid: int
    server_version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """A backup's table of objects, in clear, telling no content.

    ``previous_digest`` is the SHA-256 of the series' previous manifest as stored, or None for the
    first. ``key_ids``, ``chunk_key_id`` and ``signing_key_id`` are empty until encryption and
    signing exist; their fields are part of the first version of the format.
    """

    backup: BackupId
    series: Series
    path: str
    run: RunId
    snapshot_at: datetime
    finished_at: datetime
    reason: RunReason
    revision: str
    git_commit: str | None
    source: ManifestSource
    sequence: int
    fence: int
    previous_digest: str | None
    totals: Mapping[str, int]
    objects: tuple[StoredObject, ...]
    written_by: str
    key_ids: tuple[str, ...] = ()
    chunk_key_id: str | None = None
    signing_key_id: str | None = None
