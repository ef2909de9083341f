"""A destination that fills up: the cause is named, and nothing is listed."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.support.command_line import COMMAND, Workplace
from tests.support.postgres import Database

SIZES = int(os.environ.get("ORCHESTRATOR_FULL_DISK_SIZES", "5"))

# A mount namespace of its own needs no root where user namespaces are allowed, and leaves nothing.
NAMESPACE = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--user", "-r", "--mount"]


def run_on_a_small_disk(place: Workplace, kibibytes: int) -> subprocess.CompletedProcess[str]:
    place.backups.mkdir(exist_ok=True)
    script = 'mount -t tmpfs -o "size=$1k" none backups && shift && exec "$@"'
    return subprocess.run(
        [*NAMESPACE, "sh", "-c", script, "sh", str(kibibytes), COMMAND, "apply"],
        cwd=place.root,
        env=place.environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def can_mount(tmp_path: Path) -> None:
    (tmp_path / "try").mkdir()
    tried = subprocess.run(
        [*NAMESPACE, "mount", "-t", "tmpfs", "none", str(tmp_path / "try")],
        capture_output=True,
        check=False,
    )
    if tried.returncode:
        pytest.skip(f"no mount namespace to be had here: {tried.stderr.decode().strip()}")


@pytest.mark.usefixtures("can_mount")
def test_a_full_destination_is_named_and_nothing_is_listed(
    tmp_path: Path, practice_database: Database
) -> None:
    whole = Workplace(tmp_path / "whole", practice_database.url)
    whole.run("apply")
    needed = whole.listed()[0]["stored_bytes"] // 1024
    for number in range(SIZES):
        place = Workplace(tmp_path / str(number), practice_database.url)
        kibibytes = 8 + (needed - 16) * number // max(1, SIZES - 1)
        result = run_on_a_small_disk(place, kibibytes)
        assert result.returncode not in (0, 65), f"{kibibytes} KiB: {result.stderr}"
        assert "ORC-302" in result.stderr, f"{kibibytes} KiB: {result.stderr}"
        assert place.listed() == []
