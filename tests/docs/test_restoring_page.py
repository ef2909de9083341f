"""The commands of docs/restoring.md, run one after the other as a user would."""

import re
import shlex
from pathlib import Path

from tests.support.command_line import Workplace
from tests.support.postgres import Server
from tests.support.practice import load_practice

PAGE = Path(__file__).parents[2] / "docs" / "restoring.md"
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
EXPECTED = {"part_of_practice": 3}
"""What was not asked for is missing there, as the page says."""


def commands() -> list[list[str]]:
    text = "".join(BLOCK.findall(PAGE.read_text(encoding="utf-8")))
    return [shlex.split(line)[1:] for line in text.splitlines()]


def test_every_command_of_the_page_does_what_it_says(tmp_path: Path, postgres_server: Server):
    source = postgres_server.create_database("practice")
    load_practice(source.url, rows=1_000)
    place = Workplace(tmp_path, source.url)
    place.run("backup", "practice")
    source.execute("DELETE FROM user_settings")
    passwords, other = place.root / "pgpass", postgres_server.cluster
    passwords.write_text(f"127.0.0.1:*:*:*:{other.password}\n")
    passwords.chmod(0o600)
    place.extra["PGPASSFILE"] = str(passwords)
    server = postgres_server.url("postgres").replace(f":{other.password}@", "@")
    for command in commands():
        words = [server if word == "$OTHER_SERVER" else word for word in command]
        code = next((code for name, code in EXPECTED.items() if name in words), 0)
        place.run(*words, expect=code)
    names = postgres_server.database_names()
    assert {"practice", "copy_of_practice", "part_of_practice", "practice_there"} <= set(names)
    assert any(name.startswith("practice_before_") for name in names)
