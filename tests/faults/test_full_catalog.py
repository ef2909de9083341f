"""The disk of the catalog is full: somebody is told all the same, once, and of its end (F79)."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.integration.alerts.receivers import Webhook, a_webhook
from tests.support.command_line import COMMAND, Workplace
from tests.support.postgres import Database

NAMESPACE = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--user", "-r", "--mount"]
MOUNT = "mount -t tmpfs -o size=$2 none .orchestrator || exit 99\n"
EACH = 'for number in 1 2 3 4; do "$1" apply 2>&1; echo "ended with $?"; done\n'

TOO_SMALL = f"""{MOUNT}{EACH}
mount -o remount,size=30m .orchestrator || exit 98
"$1" apply && "$1" apply && "$1" alerts list
"""

FILLED = f"""{MOUNT}"$1" apply || exit 98
head -c 9000000 /dev/zero > .orchestrator/filler && exit 97
{EACH}
rm .orchestrator/filler
"$1" backup practice && "$1" apply && "$1" alerts list
"""


def play(script: str, size: str, place: Workplace) -> str:
    (place.root / ".orchestrator").mkdir()
    played = subprocess.run(
        [*NAMESPACE, "sh", "-c", script, "sh", COMMAND, size],
        cwd=place.root,
        env=place.environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert played.returncode == 0, played.stdout + played.stderr
    return played.stdout


def titles(hook: Webhook) -> list[str]:
    return [message["title"] for message in hook.messages]


@pytest.mark.parametrize(
    ("script", "size"), [(TOO_SMALL, "400k"), (TOO_SMALL, "450k"), (FILLED, "3m")]
)
def test_a_catalog_whose_disk_is_full_is_told_once_and_so_is_its_end(
    tmp_path: Path, empty_database: Database, script: str, size: str
):
    empty_database.execute("CREATE TABLE users AS SELECT generate_series(1, 100) AS id")
    with a_webhook() as hook:
        address = f"json://{hook.address}/"
        place = Workplace(tmp_path, empty_database.url, alert_url=address)
        said = play(script, size, place)
    first, *later = said.split("ended with")
    assert "ORC-603" in first, said
    assert "alert sent to ops" in first, said
    assert "no incident is open" in later[-1], said
    assert len(titles(hook)) == 2, said
    opened, recovered = titles(hook)
    assert opened.startswith("[CRITICAL] the catalog: "), opened
    assert "[ORC-603]" in opened
    assert recovered.startswith("[OK] the catalog: "), recovered
    assert "ORC-" not in hook.messages[-1]["message"], "another error than that it was"
