"""Room, clock and tools of this machine."""

import ctypes
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from orchestrator.errors import CatalogFullError
from orchestrator.ports.preflight import Finding, Severity, problem

SMALLEST_ROOM = 100 * 1024 * 1024
"""Bytes that the catalog should find: a year of hourly backups of a few series takes about 20 MB."""

TOOLS = {
    "psql": "the package postgresql-client",
    "zstd": "the package zstd",
    "jq": "the package jq",
    "age": "the package age (only for encrypted backups)",
}
"""What RESTORE.md needs to restore without this program, and where it comes from."""

_UNSYNCHRONISED = 5  # TIME_ERROR of adjtimex(2)


def inspect_room(state: Path) -> Iterator[Finding]:
    """Look whether the catalog has room to grow."""
    place = next(path for path in (state.absolute(), *state.absolute().parents) if path.exists())
    found = os.statvfs(place)
    free = found.f_bavail * found.f_frsize
    if free < SMALLEST_ROOM or (found.f_files and not found.f_favail):
        cause = CatalogFullError(
            f"{place}, where the catalog lies, has {free // 1024**2} MiB"
            f" and {found.f_favail} inodes left",
            next_step="make room there, or move it (`--state DIR`)",
        )
        yield problem("disk", cause)
    else:
        yield Finding(
            severity=Severity.NOTE,
            subject="disk",
            what=f"{free // 1024**2:,} MiB are free in {place}, where the catalog lies",
        )


def inspect_clock() -> Iterator[Finding]:
    """Ask the kernel whether something keeps its clock right."""
    # Room enough for struct timex; its first field, the mode, is 0: only read.
    state = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(512))
    if state == _UNSYNCHRONISED:
        yield Finding(
            severity=Severity.WARNING,
            subject="clock",
            what="nothing keeps this machine's clock right: a wrong clock makes schedules fire at"
            " wrong times, and stops pruning",
            next_step="timedatectl set-ntp true",
        )


def inspect_tools(environment: Mapping[str, str]) -> Iterator[Finding]:
    """Look for the programs that RESTORE.md needs, for the day on which this program is gone."""
    path = environment.get("PATH", "")
    for tool, source in TOOLS.items():
        if shutil.which(tool, path=path) is None:
            yield Finding(
                severity=Severity.WARNING,
                subject="tools",
                what=f"{tool} is not on the PATH; RESTORE.md, which restores without this program,"
                " needs it",
                next_step=f"install {source}",
            )
