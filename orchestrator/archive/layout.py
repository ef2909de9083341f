"""Where every object lies below the root of a destination (design §6).

Keys are built from ids and digests; the names of policies and databases appear only in the path
of their series, encoded so that no name can leave its folder or meet another's.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from string import ascii_letters, digits

from orchestrator.model.manifest import ObjectRole, StoredObject
from orchestrator.model.marks import Mark
from orchestrator.model.names import (
    BACKUP_ID_PATTERN,
    BackupId,
    ObjectKey,
    PolicyName,
    RunId,
    Series,
)

MARKER_KEY = ObjectKey(".orchestrator-destination")
RESTORE_KEY = ObjectKey("RESTORE.md")
PROBE_PREFIX = ".orchestrator-probe-"
"""Objects of such names are written, read back and removed to try a destination; they mean nothing."""

_PLAIN = frozenset((ascii_letters + digits + "_.-").encode("ascii"))
_DIGEST = re.compile(r"[0-9a-f]{64}")
_CHUNK_KEY = re.compile(r"[^/]+/[^/]+/chunks/[0-9a-f]{2}/[0-9a-f]{64}\.copy\.zst")
_MANIFEST_KEY = re.compile(rf"(.+)/backups/({BACKUP_ID_PATTERN.pattern})/manifest\.json", re.ASCII)
_IN_ONE_BACKUP = re.compile(
    rf"(.+/backups/{BACKUP_ID_PATTERN.pattern})/(?:(marks)/)?[^/]+", re.ASCII
)


def encode_segment(name: str) -> str:
    """Given a name, return it as one segment of a path.

    Letters, digits, ``_``, ``.`` and ``-`` stay; every other byte of its UTF-8 form, and each dot
    of a beginning of dots, becomes ``%`` and two upper-case hexadecimal digits. Different names
    give different segments, none is empty, ``.`` or ``..``, and none begins with a dot.

    Raises:
        ValueError: the name is empty or is no text that a server can have sent.
    """
    data = name.encode("utf-8", "surrogateescape")
    if not data or data.decode("utf-8", "surrogateescape") != name:
        raise ValueError(f"not a name: {name!r}")
    dots = len(data) - len(data.lstrip(b"."))
    return "%2E" * dots + "".join(
        chr(byte) if byte in _PLAIN else f"%{byte:02X}" for byte in data[dots:]
    )


def decode_segment(segment: str) -> str:
    """Given what `encode_segment` returned, return the name.

    Raises:
        ValueError: `encode_segment` returns this for no name.
    """
    pieces = re.findall(r"%[0-9A-F]{2}|[A-Za-z0-9_.-]", segment)
    if "".join(pieces) != segment:
        raise ValueError(f"not an encoded name: {segment!r}")
    data = b"".join(
        bytes.fromhex(piece[1:]) if piece[0] == "%" else piece.encode("ascii") for piece in pieces
    )
    name = data.decode("utf-8", "surrogateescape")
    if encode_segment(name) != segment:
        raise ValueError(f"not an encoded name: {segment!r}")
    return name


def series_path(series: Series) -> str:
    """Given a series at its first backup, return its path at every destination, for ever."""
    return f"{encode_segment(series.policy)}/{encode_segment(series.database)}"


def possible_paths(series: Series) -> Iterator[str]:
    """Yield `series_path`, then further paths, for one whose path another series took before it.

    Those begin with the policy's name and ``~2``, ``~3``, … (encoded), which no policy can be named.
    """
    yield series_path(series)
    for number in count(2):
        yield series_path(replace(series, policy=PolicyName(f"{series.policy}~{number}")))


def is_series_path(path: str) -> bool:
    """Return whether `possible_paths` can have yielded this."""
    try:
        names = [decode_segment(segment) for segment in path.split("/")]
    except ValueError:
        return False
    return len(names) == len(("policy", "database"))


def chunk_key(path: str, sha256: str) -> ObjectKey:
    """Return the key of a chunk, named by the SHA-256 of its stored bytes."""
    if not _DIGEST.fullmatch(sha256):
        raise ValueError(f"not a SHA-256: {sha256!r}")
    return ObjectKey(f"{chunks_prefix(path)}{sha256[:2]}/{sha256}.copy.zst")


def is_chunk_key(key: str) -> bool:
    """Return whether `chunk_key` can have returned this: an object that backups of a series share."""
    return _CHUNK_KEY.fullmatch(key) is not None


def chunks_prefix(path: str) -> str:
    """Return what the keys of all chunks of a series begin with."""
    return f"{path}/chunks/"


def backups_prefix(path: str) -> str:
    """Return what the keys of all backups of a series begin with, their chunks excepted."""
    return f"{path}/backups/"


def backup_prefix(path: str, backup: BackupId) -> str:
    """Return what the keys of one backup begin with, its chunks excepted."""
    return f"{backups_prefix(path)}{backup}/"


def manifest_key(path: str, backup: BackupId) -> ObjectKey:
    """Return the key of a backup's manifest."""
    return ObjectKey(f"{backup_prefix(path, backup)}manifest.json")


def details_key(path: str, backup: BackupId) -> ObjectKey:
    """Return the key of a backup's details."""
    return ObjectKey(f"{backup_prefix(path, backup)}details.json")


def schema_key(path: str, backup: BackupId) -> ObjectKey:
    """Return the key of a backup's schema archive."""
    return ObjectKey(f"{backup_prefix(path, backup)}schema.dump")


def globals_key(path: str, backup: BackupId) -> ObjectKey:
    """Return the key of a backup's globals, which are for people."""
    return ObjectKey(f"{backup_prefix(path, backup)}globals.sql")


def marks_prefix(path: str, backup: BackupId) -> str:
    """Return what the keys of all marks of a backup begin with."""
    return f"{backup_prefix(path, backup)}marks/"


def mark_key(path: str, backup: BackupId, mark: Mark) -> ObjectKey:
    """Return the key of a mark."""
    return ObjectKey(f"{marks_prefix(path, backup)}{mark.name}.json")


def folders_of_one_backup(key: ObjectKey) -> tuple[str, ...]:
    """Return the folders above a key that exist for one backup alone, innermost first.

    No other backup ever writes there, so that they may go with the last object in them.
    """
    found = _IN_ONE_BACKUP.fullmatch(key)
    if found is None:
        return ()
    backup, marks = found[1], found[2]
    return (f"{backup}/{marks}", backup) if marks else (backup,)


def intents_prefix(path: str) -> str:
    """Return what the keys of all intents of a series begin with."""
    return f"{path}/intents/"


def intent_key(path: str, run: RunId) -> ObjectKey:
    """Return the key of the intent of one run."""
    return ObjectKey(f"{intents_prefix(path)}{run}.json")


def parse_manifest_key(key: ObjectKey) -> tuple[str, BackupId] | None:
    """Given any key, return series path and backup id if it is a manifest's, else None."""
    match = _MANIFEST_KEY.fullmatch(key)
    if match is None or not is_series_path(match[1]):
        return None
    return match[1], BackupId(match[2])


def expected_key(stored: StoredObject, *, path: str, backup: BackupId) -> ObjectKey:
    """Return the only key that an object of this role and digest can have in this backup.

    A manifest that names any other key is not obeyed: neither absolute keys, nor ``..``, nor
    objects of another series.
    """
    match stored.role:
        case ObjectRole.CHUNK:
            return chunk_key(path, stored.sha256)
        case ObjectRole.SCHEMA:
            return schema_key(path, backup)
        case ObjectRole.GLOBALS:
            return globals_key(path, backup)
        case ObjectRole.DETAILS:
            return details_key(path, backup)
