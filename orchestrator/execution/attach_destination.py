"""Making sure that a destination is the place that we think it is (design §6, the marker; F27).

A destination is ours when its marker carries the uuid that the catalog remembers. Anything else is
refused: an unmounted disk leaves an empty directory, and writing there would be a silent loss.

A place whose only objects are a marker and RESTORE.md is what a crash between writing the marker
and remembering it leaves behind. It holds nothing that could be lost or mixed up, so it counts as
empty, and its uuid is adopted.
"""

from uuid import UUID

from orchestrator.archive.layout import MARKER_KEY, PROBE_PREFIX, RESTORE_KEY
from orchestrator.archive.marker import Marker, decode_marker, encode_marker
from orchestrator.archive.restore_instructions import restore_instructions
from orchestrator.errors import (
    ForeignDestinationError,
    ObjectExistsError,
    ObjectMissingError,
    UnknownBackupsError,
)
from orchestrator.execution.context import Execution
from orchestrator.model.names import DestinationName, ObjectKey
from orchestrator.model.run import LogAction, LogOutcome
from orchestrator.ports.destination import Destination, DestinationReader

OWN_KEYS = frozenset({MARKER_KEY, RESTORE_KEY})


def attach_destination(name: DestinationName, execution: Execution) -> Destination:
    """Return a destination that is proved to be ours, and make an empty one ours.

    This alone makes a place that is not there yet, and only if the catalog never knew it. Brings
    its RESTORE.md up to date.

    Raises:
        ForeignDestinationError: the marker that the catalog remembers is not there.
        UnknownBackupsError: the catalog never knew this place, and something lies there.
    """
    destination = open_if_attached(name, execution)
    if destination is not None:
        _refresh_instructions(destination)
        return destination
    execution.destinations.make(name)
    destination = execution.destinations.open(name)
    try:
        require_empty(name, destination)
    except UnknownBackupsError:
        # Another run of this catalog may have made the place ours since we asked.
        attached = open_if_attached(name, execution)
        if attached is not None:
            return attached
        raise
    marker = _first_marker(destination, execution)
    _refresh_instructions(destination)
    execution.writer.record_destination(name, marker)
    execution.writer.append_log(
        execution.log_entry(LogAction.ATTACH, name, LogOutcome.SUCCEEDED, {"marker": marker})
    )
    return destination


def require_empty(name: DestinationName, destination: DestinationReader) -> None:
    """Do nothing if a place that the catalog never knew holds nothing.

    Raises:
        UnknownBackupsError: something lies there.
    """
    stranger = _first_stranger(destination)
    if stranger is not None:
        raise _unknown_backups(name, stranger)


def open_if_attached(name: DestinationName, execution: Execution) -> Destination | None:
    """Return a destination that is proved to be ours, or None if the catalog never knew it.

    Raises:
        ForeignDestinationError: the marker that the catalog remembers is not there.
    """
    known = execution.reader.destination_marker(name)
    if known is None:
        return None
    if not execution.destinations.is_there(name):
        raise _not_ours(name, "not there", execution)
    destination = execution.destinations.open(name)
    found = marker_of(destination)
    if found != known:
        what = "not there" if found is None else "another destination's"
        raise _not_ours(name, what, execution)
    return destination


def _not_ours(name: DestinationName, what: str, execution: Execution) -> ForeignDestinationError:
    declared = execution.desired.destinations.get(name)
    place = f" ({declared.url})" if declared else ""
    return ForeignDestinationError(
        f"the marker of destination {name!r}{place} is {what}",
        next_step="perhaps its disk is not mounted: mount it, then run the command again",
    )


def open_attached(name: DestinationName, execution: Execution) -> Destination:
    """Return a destination that is proved to be ours, for reading what it holds.

    Raises:
        ForeignDestinationError: the catalog does not know it, or its marker is not there.
    """
    destination = open_if_attached(name, execution)
    if destination is None:
        raise ForeignDestinationError(
            f"this catalog has never used the destination {name!r}",
            next_step="use the catalog that took the backups (`--catalog`, `--state`)",
        )
    return destination


def marker_of(destination: DestinationReader) -> str | None:
    """Return the uuid of a destination's marker, or None without one.

    Raises:
        ForeignDestinationError: what is there is no marker.
    """
    try:
        data = destination.read(MARKER_KEY)
    except ObjectMissingError:
        return None
    return decode_marker(data).uuid


def _first_stranger(destination: DestinationReader) -> ObjectKey | None:
    """Return an object that makes a place more than empty, or None."""
    strangers = (info.key for info in destination.list("") if not _is_own(info.key))
    return next(strangers, None)


def _is_own(key: ObjectKey) -> bool:
    return key in OWN_KEYS or key.startswith(PROBE_PREFIX)


def _unknown_backups(name: DestinationName, stranger: ObjectKey) -> UnknownBackupsError:
    return UnknownBackupsError(
        f"destination {name!r} holds objects that this catalog does not know"
        f" ({stranger} is one of them)",
        next_step=(
            f"if the catalog was lost, `orchestrator catalog rebuild --from {name}` reads them in;"
            " else use the catalog that wrote them (`--catalog`, `--state`), or an empty place"
        ),
    )


def _first_marker(destination: Destination, execution: Execution) -> str:
    found = marker_of(destination)
    if found is not None:
        return found
    marker = str(UUID(hex=execution.machine.random_hex(32), version=4))
    data = encode_marker(Marker(uuid=marker, written_at=execution.clock.now()))
    try:
        destination.create(MARKER_KEY, data)
    except ObjectExistsError:
        # Another process attached the same place at this very moment: there is one marker.
        return marker_of(destination) or marker
    return marker


def _refresh_instructions(destination: Destination) -> None:
    instructions = restore_instructions()
    try:
        if destination.read(RESTORE_KEY) == instructions:
            return
    except ObjectMissingError:
        pass
    destination.replace(RESTORE_KEY, instructions)
