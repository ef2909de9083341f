"""Which files are policy files, and their text.

Files and folders whose names begin with a dot are left out: they belong to editors, to git and to
the way Kubernetes mounts configuration.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from orchestrator.policy.problems import Place, ProblemLog
from orchestrator.policy.reading.characters import FORBIDDEN, line_and_column

SUFFIXES = frozenset({".yaml", ".yml"})
LARGEST_FILE = 1024 * 1024
MOST_REPORTED_CHARACTERS = 20
BYTE_ORDER_MARKS = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyFile:
    """A file as found: ``shown`` is its path as the user would type it.

    ``text`` is None where the file cannot be read as text; that was reported.
    """

    path: Path
    shown: str
    name: str
    content: bytes
    text: str | None


def read_policy_files(directory: Path, log: ProblemLog) -> tuple[PolicyFile, ...]:
    """Return every policy file below a directory, by name; what cannot be read is reported."""
    if not directory.is_dir():
        log.report(
            Place(str(directory), 1, 1),
            "there is no such directory",
            "`orchestrator init` makes one; --policies names another",
        )
        return ()
    return tuple(_read(path, directory, log) for path in sorted(_find(directory, log), key=str))


def _find(directory: Path, log: ProblemLog) -> Iterator[Path]:
    def refuse(error: OSError) -> None:
        log.report(Place(str(error.filename), 1, 1), f"cannot be read: {error.strerror}")

    for folder, folders, names in os.walk(directory, onerror=refuse):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in folders:
            if (Path(folder) / name).is_symlink():
                log.report(
                    Place(str(Path(folder) / name), 1, 1),
                    "folders that are symbolic links are not followed",
                    "move the folder here",
                )
        for name in names:
            if Path(name).suffix in SUFFIXES and not name.startswith("."):
                yield Path(folder) / name


def _read(path: Path, directory: Path, log: ProblemLog) -> PolicyFile:
    start = Place(str(path), 1, 1)
    content = b""
    text: str | None = None
    # Unlike Path.resolve, realpath does not raise for links that lead in a circle.
    if not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(directory)):
        log.report(start, "is a symbolic link that leads out of the policies directory")
    elif not path.is_file():
        log.report(start, "is not a regular file")
    else:
        try:
            with path.open("rb") as file:
                content = file.read(LARGEST_FILE + 1)
        except OSError as error:
            log.report(start, f"cannot be read: {error.strerror}")
        else:
            text = _decode(content, start, log)
    name = path.relative_to(directory).as_posix()
    return PolicyFile(path=path, shown=str(path), name=name, content=content, text=text)


def _decode(content: bytes, start: Place, log: ProblemLog) -> str | None:
    if len(content) > LARGEST_FILE:
        log.report(start, "the file is larger than 1 MiB", "divide it into several files")
        return None
    try:
        text = content.removeprefix(b"\xef\xbb\xbf").decode("utf-8")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8").removeprefix("\ufeff")
        line, column = line_and_column(before, len(before))
        what = "UTF-16" if content.startswith(BYTE_ORDER_MARKS) else "not UTF-8"
        log.report(Place(start.file, line, column), f"the text is {what}", "save it as UTF-8")
        return None
    return text if _is_readable(text, start.file, log) else None


def _is_readable(text: str, file: str, log: ProblemLog) -> bool:
    found = [match.start() for match in FORBIDDEN.finditer(text)]
    for offset in found[:MOST_REPORTED_CHARACTERS]:
        line, column = line_and_column(text, offset)
        log.report(
            Place(file, line, column),
            f"the control character U+{ord(text[offset]):04X} is not allowed",
            "remove it; lines end with a line feed",
        )
    return not found
