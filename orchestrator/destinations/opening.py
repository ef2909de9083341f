"""From the destinations that policies declare to those that can be written."""

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from orchestrator.destinations.directory_root import is_directory_there, remove_empty_directory
from orchestrator.destinations.local_directory import find_local_directory, open_local_directory
from orchestrator.errors import DestinationError, NotSupportedYetError
from orchestrator.model.names import DestinationName
from orchestrator.model.policy import Destination as DeclaredDestination
from orchestrator.ports.destination import Destination


class Destinations:
    """Opens the destinations of the policies by name."""

    def __init__(self, declared: Mapping[DestinationName, DeclaredDestination]) -> None:
        self._declared = declared

    def open(self, name: DestinationName) -> Destination:
        """Return the destination, ready to be used; nothing is made.

        Raises:
            DestinationUnreachableError: the place is not there (a directory, a mount).
            DestinationError: no policy declares it, or its url is not one that can be opened.
        """
        return find_local_directory(name, self._root_of(name))

    def is_there(self, name: DestinationName) -> bool:
        """Tell whether the place is there, or only its last directory is missing.

        Raises:
            DestinationUnreachableError: what should hold that directory is not there either.
            DestinationError: no policy declares it, or its url is not one that can be opened.
        """
        return is_directory_there(name, self._root_of(name))

    def make(self, name: DestinationName) -> None:
        """Make the last directory of the place, if it is missing.

        Raises:
            DestinationUnreachableError: what should hold it is not there.
            DestinationError: no policy declares it, or it may not be made.
        """
        open_local_directory(name, self._root_of(name))

    def unmake(self, name: DestinationName) -> None:
        """Remove the directory of a place again, if it is empty."""
        remove_empty_directory(self._root_of(name))

    def _root_of(self, name: DestinationName) -> Path:
        declared = self._declared.get(name)
        if declared is None:
            raise DestinationError(
                f"no policy file declares a destination {name!r}",
                next_step="declare it again: backups that lie there cannot be read without its url",
            )
        return _path_of(declared)


def _path_of(declared: DeclaredDestination) -> Path:
    parts = urlsplit(declared.url)
    if parts.scheme != "file":
        raise NotSupportedYetError(
            f"destination {declared.name!r} is of the kind {parts.scheme!r}",
            next_step="use a file: url; other kinds of destinations are not supported yet",
        )
    path = Path(unquote(parts.path))
    if parts.netloc not in {"", "localhost"} or parts.query or parts.fragment:
        raise _not_a_path(declared, "has more than a path (write ? and # as %3F and %23)")
    if not path.is_absolute():
        raise _not_a_path(declared, "is not absolute")
    return path


def _not_a_path(declared: DeclaredDestination, what: str) -> DestinationError:
    return DestinationError(
        f"the url of destination {declared.name!r} {what}: {declared.url}",
        next_step="write it as file:///srv/backups",
    )
