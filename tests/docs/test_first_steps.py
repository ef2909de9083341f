"""The first steps of the README, typed one after the other in an empty folder."""

import re
import shlex
from pathlib import Path

from tests.support.command_line import Workplace
from tests.support.postgres import Server
from tests.support.practice import load_practice

README = Path(__file__).parents[2] / "README.md"


def first_steps() -> list[list[str]]:
    text = README.read_text(encoding="utf-8")
    steps = text.partition("## First steps")[2].partition("```sh\n")[2].partition("```")[0]
    lines = [shlex.split(line, comments=True) for line in steps.splitlines()]
    return [words[1:] for words in lines if words[0] == "orchestrator"]


def test_the_first_steps_lead_from_an_empty_folder_to_a_proved_restore(
    tmp_path: Path, postgres_server: Server
):
    source = postgres_server.create_database("first_steps")
    load_practice(source.url, rows=1_000)
    place = Workplace(tmp_path, source.url)
    (place.root / "policies" / "practice.yaml").unlink()
    said = {words[0]: place.run(*words).out for words in first_steps()}
    assert re.search("proved", said["restore"])
    assert "practice_check" in postgres_server.database_names()
