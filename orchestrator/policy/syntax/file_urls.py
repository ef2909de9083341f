"""The urls of `file:` destinations: as written, relative to a policy file; in the model, absolute."""

import os
from pathlib import Path
from urllib.parse import unquote

from orchestrator.policy.problems import quoted
from orchestrator.policy.reading.characters import FORBIDDEN

HOSTS = ("", "localhost")


class FileUrlError(ValueError):
    """A url cannot be the place of a destination; ``hint`` may be empty."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


def absolute_file_url(url: str, folder: Path) -> str:
    """Given a url such as ``file:../backups``, return ``file:///srv/backups``.

    Raises:
        FileUrlError: it is not a ``file:`` url, or names a host, or has more than a path.
    """
    scheme, _, rest = url.partition(":")
    if scheme != "file":
        raise FileUrlError(f"there are no destinations of the kind {quoted(scheme + ':')}", _FORM)
    path = _path(rest)
    if any(character in path for character in "?#"):
        raise FileUrlError("the url has more than a path", "write ? and # as %3F and %23")
    path = unquote(path)
    if FORBIDDEN.search(path) or "\n" in path or not path:
        raise FileUrlError("the url has no path that can be used", _FORM)
    if path.startswith("~"):
        raise FileUrlError("`~` is not replaced by a home directory", "write the whole path")
    return Path(os.path.realpath(folder / path)).as_uri()


_FORM = "write `file:../backups` or `file:///srv/backups`"


def _path(rest: str) -> str:
    if not rest.startswith("//"):
        return rest
    host, slash, path = rest.removeprefix("//").partition("/")
    if host not in HOSTS:
        raise FileUrlError(
            f"the url names a host, {quoted(host)}, but a directory of this machine is needed",
            f"write {quoted(f'file:{host}{slash}{path}')} or {quoted(f'file:///{host}{slash}{path}')}",
        )
    return slash + path
