"""Which client programs have known holes (reference/postgres.md §1, "Clients").

A client trusts its server and its archive more than it should: these are reported, not refused,
because a backup by an old client is better than none.
"""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

from orchestrator.engines.postgres.programs import ClientPrograms

_log = logging.getLogger(__name__)
_WARNED: set[Path] = set()

# CVE → the minor version that mends it, by major version (public CVE records, November 2026).
# Older major versions than those listed get no mending any more; newer ones never had it.
FIXED_IN: Mapping[str, Mapping[int, int]] = {
    "CVE-2024-7348": {16: 4, 15: 8, 14: 13, 13: 16, 12: 20},
    "CVE-2025-8714": {17: 6, 16: 10, 15: 14, 14: 19, 13: 22},
    "CVE-2025-8715": {17: 6, 16: 10, 15: 14, 14: 19, 13: 22},
    "CVE-2026-6475": {18: 4, 17: 10, 16: 14, 15: 18, 14: 23},
    "CVE-2026-6477": {18: 4, 17: 10, 16: 14, 15: 18, 14: 23},
    "CVE-2026-18408": {18: 6, 17: 11, 16: 15, 15: 19, 14: 24},
    "CVE-2026-116314": {18: 7, 17: 12, 16: 16, 15: 20, 14: 25},
}


def holes_of(version: tuple[int, int]) -> Sequence[str]:
    """Return the CVEs that a client of this (major, minor) version has, in the order of the table."""
    return [cve for cve, fixed in FIXED_IN.items() if _has_hole(version, fixed)]


def floor_of(major: int) -> tuple[int, int] | None:
    """Return the oldest version of a major one without known holes; None if it gets none any more."""
    fixed = [minors[major] for minors in FIXED_IN.values() if major in minors]
    newest = max(FIXED_IN["CVE-2026-116314"])
    if major > newest:
        return (major, 0)
    return (major, max(fixed)) if major in FIXED_IN["CVE-2026-116314"] else None


def say_holes(programs: ClientPrograms) -> tuple[str, str] | None:
    """Return what is wrong with these programs, and what to do; None if nothing is known."""
    holes = holes_of(programs.version)
    if not holes:
        return None
    major, minor = programs.version
    floor = floor_of(major)
    wanted = f"{floor[0]}.{floor[1]}" if floor else "a major version that still gets updates"
    where = f"the client programs {major}.{minor} in {programs.directory}"
    what = f"{where} have known holes: {', '.join(holes)}"
    return what, f"update them to {wanted} or newer"


def warn_of_holes(programs: ClientPrograms) -> None:
    """Write into the log, once for each set of programs, that it has known holes."""
    said = say_holes(programs)
    if said is not None and programs.directory not in _WARNED:
        _WARNED.add(programs.directory)
        _log.warning("client_programs_have_holes", extra={"what": said[0], "next_step": said[1]})


def _has_hole(version: tuple[int, int], fixed: Mapping[int, int]) -> bool:
    major, minor = version
    if major in fixed:
        return minor < fixed[major]
    return major < min(fixed)
