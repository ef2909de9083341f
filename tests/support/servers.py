"""Which PostgreSQL servers this machine has, for tests over versions."""

import os
from functools import cache
from pathlib import Path

from orchestrator.engines.postgres.programs import SERVER_PROGRAMS, embedded_programs, read_version

MORE = "ORCHESTRATOR_TEST_SERVERS"
"""Directories of programs besides those of the distribution and the wheel, joined by colons."""
CHOSEN = "ORCHESTRATOR_TEST_PROGRAMS"
"""The directory of programs of the server that all tests use; the wheel's if it is not set."""


def chosen_programs() -> Path:
    """Return the programs of the server that tests use."""
    chosen = os.environ.get(CHOSEN)
    return Path(chosen) if chosen else embedded_programs()


@cache
def servers_at_hand() -> dict[int, Path]:
    """Return the directory of programs of each major version, the newest minor of it, by version."""
    named = [Path(part) for part in os.environ.get(MORE, "").split(":") if part]
    places = [*named, *Path("/usr/lib/postgresql").glob("*/bin"), embedded_programs()]
    complete = [
        place for place in places if all((place / name).exists() for name in SERVER_PROGRAMS)
    ]
    found: dict[int, Path] = {}
    for programs in sorted(map(read_version, complete), key=lambda one: one.version):
        found[programs.version[0]] = programs.directory
    return found


def described_servers() -> str:
    """Return the versions in words, for the head of a report."""
    return ", ".join(say_version(place) for place in servers_at_hand().values())


def say_version(programs: Path) -> str:
    """Return the version of the programs in a directory, such as ``PostgreSQL 17.10``."""
    major, minor = read_version(programs).version
    return f"PostgreSQL {major}.{minor}"
