"""The README, and what else is written for people, is true."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from orchestrator.cli.main import cli
from orchestrator.policy.load import load_policies

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
# These say what shall be true in the end; what is not built yet is refused with "not supported yet".
DESIGN = {ROOT / "docs" / "design.md", *(ROOT / "docs" / "reference").glob("*.md")}
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *sorted(set((ROOT / "docs").rglob("*.md")) - DESIGN),
    *sorted((ROOT / "changelog.d").glob("*.md")),
]
SCREEN = 24

BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CODE_SPAN = re.compile(r"(?<!`)`(orchestrator [^`\n]+)`(?!`)")


def list_blocks(page: Path, *languages: str) -> list[str]:
    text = page.read_text(encoding="utf-8")
    return [body for language, body in BLOCK.findall(text) if language in languages]


def list_commands(page: Path) -> Iterator[list[str]]:
    """Every use of the command in shell blocks and code spans, as words."""
    lines = [line for block in list_blocks(page, "sh", "") for line in block.splitlines()]
    shown = [
        line[line.index("orchestrator ") :] for line in lines if " orchestrator " in f" {line}"
    ]
    shown += CODE_SPAN.findall(page.read_text(encoding="utf-8"))
    for command in shown:
        words = shlex.split(re.split(r"\s(?:>>|\||&&)\s", command)[0], comments=True)
        if re.fullmatch(r"[a-z]+", words[1]):
            yield words[1:]


def options_of(*commands: click.Command) -> set[str]:
    options = [option for command in commands for option in command.params]
    return {"--help", *(name for option in options for name in option.opts)}


def examples_of(page: Path) -> list[str]:
    return [block for block in list_blocks(page, "yaml") if "version: 1" in block]


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def test_the_first_screen_has_exactly_two_commands():
    screen = README.read_text(encoding="utf-8").splitlines()[:SCREEN]
    first_block = list_blocks(README, "sh")[0]
    assert first_block.splitlines() == ["make demo", "make test"]
    assert sum(line.startswith("```") for line in screen) == 2


def test_the_two_commands_are_recipes_of_the_makefile():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for recipe in ("demo", "test"):
        assert re.search(rf"^{recipe}:.*## \S", makefile, re.MULTILINE)


@pytest.mark.parametrize("page", [page for page in PAGES if examples_of(page)], ids=name_of)
def test_policies_shown_load_without_problems(page: Path, tmp_path: Path):
    for number, example in enumerate(examples_of(page)):
        folder = tmp_path / str(number) / "policies"
        folder.mkdir(parents=True)
        (folder / "shown.yaml").write_text(example, encoding="utf-8")
        names = re.findall(r"\$\{env:(\w+)\}", example)
        values = dict.fromkeys(names, "json://alerts.example.org")
        values["DATABASE_URL"] = "postgresql://backup@db.example.org/practice"
        loaded = load_policies(folder, environment=values)
        assert (list(loaded.problems), list(loaded.warnings)) == ([], [])
        assert loaded.desired is not None


def test_the_readme_shows_a_policy():
    assert len(examples_of(README)) == 1


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_commands_shown_exist_with_their_options(page: Path):
    with click.Context(cli, info_name="orchestrator") as context:
        for verb, *rest in list_commands(page):
            command = cli.get_command(context, verb)
            assert command is not None, f"{page.name}: there is no `orchestrator {verb}`"
            if isinstance(command, click.Group):
                words = " ".join([verb, *rest])
                command = command.commands.get(next(iter(rest), ""))
                assert command is not None, f"{page.name}: there is no `orchestrator {words}`"
            shown = {word.partition("=")[0] for word in rest if word.startswith("--")}
            unknown = shown - options_of(cli, command)
            assert not unknown, f"{page.name}: `orchestrator {verb}` has no {unknown}"


def test_the_first_steps_lead_from_nothing_to_a_proved_restore():
    text = README.read_text(encoding="utf-8")
    steps = text.partition("## First steps")[2].partition("```sh")[2].partition("```")[0]
    verbs = re.findall(r"^orchestrator (\w+)", steps, re.MULTILINE)
    assert verbs[:2] == ["init", "validate"]
    assert verbs[-1] == "restore"
    assert re.search(r"^orchestrator restore .*--into-new \S+ --prove$", steps, re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_inside_the_repository_lead_somewhere(page: Path):
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" not in target:
            path = page.parent / target.partition("#")[0]
            assert path.exists(), f"{name_of(page)}: {target}"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_files_named_in_code_spans_exist(page: Path):
    text = BLOCK.sub("", page.read_text(encoding="utf-8"))
    folders = "orchestrator|tests|docs|schemas|benchmarks|changelog\\.d"
    for path in re.findall(rf"`((?:{folders})/[\w./-]+)`", text):
        assert (ROOT / path).exists(), f"{name_of(page)}: {path}"
