"""A disk that fills up: somebody is told before it is full (F20)."""

import http.server
import json
import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.command_line import COMMAND, POLICY, Workplace
from tests.support.postgres import Database

LIMITS = POLICY.replace(
    "local: {url: file:../backups}",
    "local: {url: file:../disk/backups, low_storage: {full_within: 1d}}",
).replace("on: [failed]", "on: [all]")

NAMESPACE = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--user", "-r", "--mount"]

# Somebody else fills the disk, a quarter of it between two passes.
SCRIPT = """
mount -t tmpfs -o size=2000k none disk && mkdir disk/backups || exit 99
for number in 1 2 3 4 5; do
  "$1" apply || exit 98
  head -c 350000 /dev/urandom > "disk/other-$number" || exit 97
done
"""

SHARE = """
mount -t tmpfs -o size=2000k none disk && mkdir disk/backups || exit 99
"$1" apply || exit 98
head -c 1200000 /dev/zero > disk/other || exit 97
"$1" apply && rm disk/other && "$1" apply
"""


@pytest.fixture
def received() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A receiver on loopback: its Apprise URL, and what it was sent."""
    messages: list[dict[str, Any]] = []

    class Receiver(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            messages.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield f"json://127.0.0.1:{server.server_port}/", messages
        server.shutdown()
        thread.join()


def play(script: str, place: Workplace) -> None:
    played = subprocess.run(
        [*NAMESPACE, "sh", "-c", script, "sh", COMMAND],
        cwd=place.root,
        env=place.environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert played.returncode == 0, played.stderr + played.stdout


def test_too_small_a_share_of_a_disk_is_told_and_its_end(
    tmp_path: Path, empty_database: Database, received: tuple[str, list[dict[str, Any]]]
) -> None:
    url, messages = received
    empty_database.execute("CREATE TABLE users AS SELECT generate_series(1, 100) AS id")
    policy = LIMITS.replace("full_within: 1d", "free_below: 50%")
    place = Workplace(tmp_path, empty_database.url, alert_url=url, policy=policy)
    (tmp_path / "disk").mkdir()
    play(SHARE, place)
    opened, recovered = messages
    assert opened["title"].startswith("[WARNING] destination local: space is running out: ")
    assert "less than 50 %" in opened["message"]
    assert recovered["title"] == "[OK] destination local: there is enough space again"


def test_the_forecast_is_told_before_the_disk_is_full(
    tmp_path: Path, empty_database: Database, received: tuple[str, list[dict[str, Any]]]
) -> None:
    url, messages = received
    empty_database.execute("CREATE TABLE users AS SELECT generate_series(1, 100) AS id")
    place = Workplace(tmp_path, empty_database.url, alert_url=url, policy=LIMITS)
    (tmp_path / "disk").mkdir()
    play(SCRIPT, place)
    [message] = messages
    assert "space is running out" in message["title"]
    assert "it is full in" in message["message"]
    assert "a minute" in message["message"]
    [local] = place.run("status", "--json").document["destinations"]
    assert local["free_bytes"] > 0
    assert "low_storage" in place.run("status", "--check", expect=1).out
