"""A mark as bytes. Its field ``digest`` is the SHA-256 of the same document without that field.

All kinds have the same fields; what a kind has no use for is null or empty. A release has the id of
the hold that it takes back.
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
from orchestrator.archive.layout import mark_key
from orchestrator.errors import DamagedBackupError, UnreadableManifestError
from orchestrator.model.marks import (
    Acknowledgement,
    Hold,
    Mark,
    MarkId,
    MarkKind,
    Release,
    Suspicion,
)
from orchestrator.model.names import BackupId, ObjectKey

MARK_FORMAT = "orchestrator-mark"
MARK_VERSION = 1


def encode_mark(mark: Mark, backup: BackupId) -> bytes:
    """Given a mark and the backup that it is of, return its canonical document."""
    document: dict[str, JsonValue] = {
        "format": MARK_FORMAT,
        "version": MARK_VERSION,
        "backup": backup,
        "at": format_moment(mark.at),
        **_content_of(mark),
    }
    return encode_document({**document, "digest": _digest_of(document)})


def decode_mark(data: bytes, *, key: ObjectKey, path: str, backup: BackupId) -> Mark:
    """Given the stored bytes of a mark, return it if it belongs under this key of this backup.

    Raises:
        DamagedBackupError: it is damaged, or belongs elsewhere.
        UnreadableManifestError: it was written by a newer version.
    """
    try:
        mark, of_backup = _decode(data)
        _require_own_place(mark, of_backup, key=key, place=mark_key(path, backup, mark))
    except NewerDocumentError as error:
        raise UnreadableManifestError(
            f"the mark {key} cannot be read by this version: {error}",
            next_step="upgrade this program to the version that wrote it, or a later one",
        ) from error
    except DocumentError as error:
        raise DamagedBackupError(
            f"the mark {key} is damaged: {error}",
            next_step="see what happened to that object; `orchestrator log` has every mark, too",
        ) from error
    return mark


def _decode(data: bytes) -> tuple[Mark, BackupId]:
    document = parse_document(data, format_name=MARK_FORMAT, version=MARK_VERSION)
    fields = Fields(document)
    rest = {name: value for name, value in document.items() if name != "digest"}
    if _digest_of(rest) != fields.digest("digest"):
        raise DocumentError("its own digest is not that of its content")
    mark, backup = _mark_of(fields), BackupId(fields.identifier("backup"))
    if encode_mark(mark, backup) != data:
        raise DocumentError("it is not in the canonical form")
    return mark, backup


def _require_own_place(
    mark: Mark, of_backup: BackupId, *, key: ObjectKey, place: ObjectKey
) -> None:
    if key != place or f"/{of_backup}/" not in place:
        raise DocumentError(f"it is {mark.name} of {of_backup}, and belongs elsewhere")


def _content_of(mark: Mark) -> dict[str, JsonValue]:
    match mark:
        case Suspicion():
            return _content(MarkKind.SUSPICION, reasons=mark.reasons)
        case Acknowledgement():
            return _content(
                MarkKind.ACKNOWLEDGEMENT, id=mark.id, who=mark.who, reasons=(mark.reason,)
            )
        case Hold():
            until = None if mark.until is None else format_moment(mark.until)
            return _content(
                MarkKind.HOLD, id=mark.id, who=mark.who, reasons=(mark.reason,), until=until
            )
        case Release():
            return _content(MarkKind.RELEASE, id=mark.hold, who=mark.who)


def _content(
    kind: MarkKind,
    *,
    id: MarkId | None = None,  # noqa: A002 - the field's name
    who: str | None = None,
    reasons: tuple[str, ...] = (),
    until: str | None = None,
) -> dict[str, JsonValue]:
    return {"kind": kind.value, "id": id, "who": who, "reasons": list(reasons), "until": until}


def _mark_of(fields: Fields) -> Mark:
    at = fields.moment("at")
    match fields.choice("kind", MarkKind):
        case MarkKind.SUSPICION:
            return Suspicion(at=at, reasons=_reasons_of(fields))
        case MarkKind.ACKNOWLEDGEMENT:
            return Acknowledgement(
                id=_id_of(fields), at=at, who=fields.text("who"), reason=_reasons_of(fields)[0]
            )
        case MarkKind.HOLD:
            return Hold(
                id=_id_of(fields),
                at=at,
                who=fields.text("who"),
                reason=_reasons_of(fields)[0],
                until=None if fields.optional_text("until") is None else fields.moment("until"),
            )
        case MarkKind.RELEASE:
            return Release(hold=_id_of(fields), at=at, who=fields.text("who"))


def _id_of(fields: Fields) -> MarkId:
    return MarkId(fields.identifier("id"))


def _reasons_of(fields: Fields) -> tuple[str, ...]:
    reasons = fields.texts("reasons")
    if not reasons:
        raise DocumentError("it gives no reason")
    return reasons


def _digest_of(document: dict[str, JsonValue]) -> str:
    return sha256(encode_document(document)).hexdigest()
