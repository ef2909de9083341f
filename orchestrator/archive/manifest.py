"""The manifest as bytes: the one object that makes a set of objects a backup (design §6).

It is in clear and tells no content. Its field ``digest`` is the SHA-256 of the same document
without that field; a reader also writes again what it understood and wants the same bytes. So a
manifest with one bit changed anywhere is never read as another one.
"""

from hashlib import sha256

from orchestrator.archive.documents import (
    DocumentError,
    JsonValue,
    NewerDocumentError,
    encode_document,
    format_moment,
    parse_document,
)
from orchestrator.archive.fields import Fields
from orchestrator.archive.layout import expected_key, is_series_path, manifest_key
from orchestrator.errors import UnreadableManifestError
from orchestrator.model.backup import RunReason, Slot, Trigger
from orchestrator.model.manifest import (
    FORMAT_VERSION,
    Manifest,
    ManifestSource,
    ObjectRole,
    StoredObject,
)
from orchestrator.model.names import (
    BackupId,
    DatabaseName,
    ObjectKey,
    PolicyName,
    RunId,
    ScheduleName,
    Series,
)

MANIFEST_FORMAT = "orchestrator-manifest"


def digest_of(data: bytes) -> str:
    """Return the SHA-256 of stored bytes as 64 hexadecimal digits."""
    return sha256(data).hexdigest()


def encode_manifest(manifest: Manifest) -> bytes:
    """Given a manifest, return its canonical document.

    Raises:
        ValueError: it names an object twice, or under a key that is not its own.
    """
    trouble = _trouble_with_keys(manifest)
    if trouble is not None:
        raise ValueError(trouble)
    document = _document_of(manifest)
    digest = digest_of(encode_document(document))
    return encode_document({**document, "digest": digest})


def decode_manifest(data: bytes, *, key: ObjectKey | None = None) -> Manifest:
    """Given the stored bytes of a manifest, return it; with ``key``, only if it belongs there.

    Every key in it is the only one that its series path, backup and digest allow, so none leads
    out of the series.

    Raises:
        UnreadableManifestError: it is damaged, of a newer version, encrypted, or of another place.
    """
    try:
        manifest = _decode(data)
    except NewerDocumentError as error:
        raise _newer(str(error)) from error
    except DocumentError as error:
        raise _unreadable(str(error)) from error
    if key is not None and key != manifest_key(manifest.path, manifest.backup):
        raise _unreadable(
            f"it belongs to backup {manifest.backup} in {manifest.path}, not to {key}"
        )
    return manifest


def _decode(data: bytes) -> Manifest:
    document = parse_document(data, format_name=MANIFEST_FORMAT, version=FORMAT_VERSION)
    digest = Fields(document).digest("digest")
    rest = {name: value for name, value in document.items() if name != "digest"}
    if digest_of(encode_document(rest)) != digest:
        raise DocumentError("its own digest is not that of its content")
    manifest = _manifest_of(Fields(document))
    if manifest.key_ids or manifest.chunk_key_id is not None:
        raise NewerDocumentError("it is of an encrypted backup")
    trouble = _trouble_with_keys(manifest)
    if trouble is not None:
        raise DocumentError(trouble)
    if encode_manifest(manifest) != data:
        raise DocumentError("it is not in the canonical form")
    return manifest


def _trouble_with_keys(manifest: Manifest) -> str | None:
    if not is_series_path(manifest.path):
        return f"{manifest.path!r} is not the path of a series"
    seen: set[ObjectKey] = set()
    for stored in manifest.objects:
        if stored.key != expected_key(stored, path=manifest.path, backup=manifest.backup):
            return f"{stored.key!r} is not the key of its {stored.role.value}"
        if stored.key in seen:
            return f"{stored.key!r} is named twice"
        seen.add(stored.key)
    return None


def _document_of(manifest: Manifest) -> dict[str, JsonValue]:
    return {
        "format": MANIFEST_FORMAT,
        "version": FORMAT_VERSION,
        "backup": manifest.backup,
        "series": {"policy": manifest.series.policy, "database": manifest.series.database},
        "path": manifest.path,
        "run": manifest.run,
        "snapshot_at": format_moment(manifest.snapshot_at),
        "finished_at": format_moment(manifest.finished_at),
        "reason": _reason_document(manifest.reason),
        "revision": manifest.revision,
        "git_commit": manifest.git_commit,
        "source": {
            "engine": manifest.source.engine,
            "system_identifier": manifest.source.system_identifier,
            "database_oid": manifest.source.database_oid,
            "server_version": manifest.source.server_version,
        },
        "sequence": manifest.sequence,
        "fence": manifest.fence,
        "previous_digest": manifest.previous_digest,
        "totals": dict(manifest.totals),
        "objects": [_object_document(stored) for stored in manifest.objects],
        "written_by": manifest.written_by,
        "key_ids": list(manifest.key_ids),
        "chunk_key_id": manifest.chunk_key_id,
        "signing_key_id": manifest.signing_key_id,
    }


def _reason_document(reason: RunReason) -> JsonValue:
    return {
        "trigger": reason.trigger.value,
        "slots": [
            {"schedule": slot.schedule, "at": format_moment(slot.at)} for slot in reason.slots
        ],
    }


def _object_document(stored: StoredObject) -> JsonValue:
    return {
        "key": stored.key,
        "role": stored.role.value,
        "size": stored.size,
        "sha256": stored.sha256,
    }


def _manifest_of(fields: Fields) -> Manifest:
    series, source = fields.record("series"), fields.record("source")
    return Manifest(
        backup=BackupId(fields.identifier("backup")),
        series=Series(PolicyName(series.text("policy")), DatabaseName(series.text("database"))),
        path=fields.text("path"),
        run=RunId(fields.identifier("run")),
        snapshot_at=fields.moment("snapshot_at"),
        finished_at=fields.moment("finished_at"),
        reason=_reason_of(fields.record("reason")),
        revision=fields.text("revision"),
        git_commit=fields.optional_text("git_commit"),
        source=ManifestSource(
            engine=source.text("engine"),
            system_identifier=source.text("system_identifier"),
            database_oid=source.size("database_oid"),
            server_version=source.text("server_version"),
        ),
        sequence=fields.size("sequence"),
        fence=fields.size("fence"),
        previous_digest=fields.optional_digest("previous_digest"),
        totals=fields.sizes("totals"),
        objects=tuple(_object_of(stored) for stored in fields.records("objects")),
        written_by=fields.text("written_by"),
        key_ids=fields.texts("key_ids"),
        chunk_key_id=fields.optional_text("chunk_key_id"),
        signing_key_id=fields.optional_text("signing_key_id"),
    )


def _reason_of(fields: Fields) -> RunReason:
    return RunReason(
        trigger=fields.choice("trigger", Trigger),
        slots=tuple(
            Slot(slot.moment("at"), ScheduleName(slot.text("schedule")))
            for slot in fields.records("slots")
        ),
    )


def _object_of(fields: Fields) -> StoredObject:
    return StoredObject(
        key=ObjectKey(fields.text("key")),
        role=fields.choice("role", ObjectRole),
        size=fields.size("size"),
        sha256=fields.digest("sha256"),
    )


def _newer(what: str) -> UnreadableManifestError:
    return UnreadableManifestError(
        f"a manifest cannot be read by this version: {what}",
        next_step="upgrade this program to the version that wrote it, or a later one",
    )


def _unreadable(what: str) -> UnreadableManifestError:
    return UnreadableManifestError(
        f"a manifest is damaged: {what}",
        next_step="leave it where it is, and use another backup or another copy of this one",
    )
