"""The marker: says which destination this is, so that an empty mount point is not taken for it."""

from dataclasses import dataclass
from datetime import datetime

from orchestrator.archive.documents import (
    DocumentError,
    JsonValue,
    encode_document,
    format_moment,
    parse_document,
)
from orchestrator.archive.fields import Fields
from orchestrator.errors import ForeignDestinationError

MARKER_FORMAT = "orchestrator-destination"
MARKER_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Marker:
    """Identifies a destination; ``written_at`` is when it was first used."""

    uuid: str
    written_at: datetime


def encode_marker(marker: Marker) -> bytes:
    """Given a marker, return its canonical document."""
    document: dict[str, JsonValue] = {
        "format": MARKER_FORMAT,
        "version": MARKER_VERSION,
        "uuid": marker.uuid,
        "written_at": format_moment(marker.written_at),
    }
    return encode_document(document)


def decode_marker(data: bytes) -> Marker:
    """Given the stored bytes of a marker, return it.

    Raises:
        ForeignDestinationError: they are no marker that this version knows.
    """
    try:
        return _decode(data)
    except DocumentError as error:
        raise ForeignDestinationError(
            f"the marker of a destination cannot be read: {error}",
            next_step="see what lies there; nothing is written to a place that is not known",
        ) from error


def _decode(data: bytes) -> Marker:
    fields = Fields(parse_document(data, format_name=MARKER_FORMAT, version=MARKER_VERSION))
    marker = Marker(uuid=fields.text("uuid"), written_at=fields.moment("written_at"))
    if encode_marker(marker) != data:
        raise DocumentError("it is not in the canonical form")
    return marker
