"""The directory that a local destination is: whether it is there, and what it is called if not."""

import stat as file_kind
from contextlib import suppress
from pathlib import Path

from orchestrator.destinations.file_errors import translated_errors
from orchestrator.errors import DestinationUnreachableError
from orchestrator.model.names import DestinationName


def remove_empty_directory(root: Path) -> None:
    """Remove the root of a destination if it is empty; what cannot be removed stays."""
    with suppress(OSError):
        root.rmdir()


def is_directory_there(name: DestinationName, root: Path) -> bool:
    """Tell whether the root of a destination is there, or only the last directory of it is missing.

    Raises:
        DestinationUnreachableError: what should hold the root is not there, or it is no directory.
        DestinationPermissionError: this user may not look there.
    """
    place = place_of(name, root)
    with translated_errors(place):
        if _is_directory(root):
            return True
        if not _is_directory(root.parent):
            raise DestinationUnreachableError(
                f"{place}: {root.parent} is not there",
                next_step="mount its disk or share, create it, or correct the destination's url",
            )
    return False


def _is_directory(path: Path) -> bool:
    """Tell whether a directory is there; in contrast to `Path.is_dir` no trouble is an absence.

    Raises:
        DestinationUnreachableError: something else is there.
        OSError: it cannot be told.
    """
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    if not file_kind.S_ISDIR(found.st_mode):
        raise no_directory(path)
    return True


def no_directory(path: Path) -> DestinationUnreachableError:
    """Return the error that something else lies where a directory should."""
    return DestinationUnreachableError(
        f"{path} is not a directory", next_step="correct the url of the destination"
    )


def absent_directory(name: DestinationName, root: Path) -> DestinationUnreachableError:
    """Return the error that the root of a destination is not there."""
    return DestinationUnreachableError(
        f"the directory {root} of destination {name!r} is not there",
        next_step="mount its disk or share, or correct the url of the destination",
    )


def place_of(name: DestinationName, root: Path) -> str:
    """Return a destination in the words of an error."""
    return f"destination {name!r} ({root})"
