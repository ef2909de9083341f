"""Folders of throwaway clusters whose process was killed.

A folder's name carries the process id and the start time of who made it. It is a leftover when that
process is gone and no server runs in it (a detached server outlives its maker).
"""

import os
import re
import shutil
from pathlib import Path

FOLDER_PREFIX = "orchestrator-pg-"

_NAME = re.compile(rf"{FOLDER_PREFIX}(\d+)-(\d+)-\w+")


def own_mark() -> str:
    """Return what names this process among all that ever ran since the machine started."""
    pid = os.getpid()
    return f"{pid}-{_start_time(pid)}"


def remove_leftovers(parent: Path) -> None:
    """Remove the leftovers in ``parent``; those of other users stay."""
    for folder in parent.glob(f"{FOLDER_PREFIX}*"):
        match = _NAME.fullmatch(folder.name)
        if match is None or folder.is_symlink():
            continue
        maker_lives = _start_time(int(match[1])) == int(match[2])
        if not maker_lives and not _server_runs_in(folder):
            shutil.rmtree(folder, ignore_errors=True)


def _start_time(pid: int) -> int:
    """Return when a process started, in clock ticks since boot; 0 if there is none."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text("ascii", "replace")
    except OSError:
        return 0
    # The program's name, in parentheses, may itself hold spaces and parentheses.
    return int(status.rpartition(")")[2].split()[19])


def _server_runs_in(folder: Path) -> bool:
    try:
        pid = int((folder / "data" / "postmaster.pid").read_text("ascii").splitlines()[0])
        arguments = Path(f"/proc/{pid}/cmdline").read_bytes()
    except (OSError, ValueError, IndexError):
        return False
    return os.fsencode(folder) in arguments
