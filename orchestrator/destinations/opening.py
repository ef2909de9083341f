"""From the destinations that policies declare to those that can be written."""

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from orchestrator.destinations.local_directory import open_local_directory
from orchestrator.errors import DestinationError, NotSupportedYetError
from orchestrator.model.names import DestinationName
from orchestrator.model.policy import Destination as DeclaredDestination
from orchestrator.ports.destination import Destination


class Destinations:
    """Opens the destinations of the policies by name."""

    def __init__(self, declared: Mapping[DestinationName, DeclaredDestination]) -> None:
        self._declared = declared

    def open(self, name: DestinationName) -> Destination:
        """Return the destination, ready to be used; a missing root directory is created.

        Raises:
            DestinationUnreachableError: the place is not there (a directory, a mount).
            DestinationError: no policy declares it, or its url is not one that can be opened.
        """
        declared = self._declared.get(name)
        if declared is None:
            raise DestinationError(
                f"no policy file declares a destination {name!r}",
                next_step="declare it again: backups that lie there cannot be read without its url",
            )
        return open_local_directory(name, _path_of(declared))


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
