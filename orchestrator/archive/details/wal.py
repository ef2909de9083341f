"""The part of the details that is about the server's write-ahead log.

Positions are written as PostgreSQL writes them (``16/B374D848``), so that they can be compared with
what a server or a timeline's history file says.
"""

from orchestrator.archive.documents import DocumentError, JsonValue, format_moment
from orchestrator.archive.fields import Fields
from orchestrator.model.contents import TimelineEnd, WalPosition, position_of, position_text


def wal_document(wal: WalPosition) -> JsonValue:
    """Given where a server stood in its log, return it for the details."""
    until = wal.replayed_until
    return {
        "position": position_text(wal.position),
        "timeline": wal.timeline,
        "recovered_to": None if wal.recovered_to is None else position_text(wal.recovered_to),
        "history": None if wal.history is None else [_end_document(end) for end in wal.history],
        "replayed_until": None if until is None else format_moment(until),
    }


def wal_of(fields: Fields) -> WalPosition:
    """Read what `wal_document` returned; raises `DocumentError`."""
    return WalPosition(
        position=_position(fields, "position"),
        timeline=fields.optional_size("timeline"),
        recovered_to=None
        if fields.optional_text("recovered_to") is None
        else _position(fields, "recovered_to"),
        history=_history(fields),
        replayed_until=None
        if fields.optional_text("replayed_until") is None
        else fields.moment("replayed_until"),
    )


def _history(fields: Fields) -> tuple[TimelineEnd, ...] | None:
    if fields.is_null("history"):
        return None
    return tuple(
        TimelineEnd(timeline=end.size("timeline"), position=_position(end, "position"))
        for end in fields.records("history")
    )


def _end_document(end: TimelineEnd) -> JsonValue:
    return {"timeline": end.timeline, "position": position_text(end.position)}


def _position(fields: Fields, name: str) -> int:
    try:
        return position_of(fields.text(name))
    except ValueError as error:
        raise DocumentError(f"the {name} in the log is none") from error
