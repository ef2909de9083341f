"""Nothing tells anybody to install the program by its name: on an index it may be a stranger's."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = (".ci", "changelog.d", "docs", "examples", "orchestrator", "schemas")
FILES = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "Makefile", "pyproject.toml")
INSTALLS = re.compile(
    r"(?:\b(?:pip3?|pipx|uv)\s[^\n`#]*?\b(?:install|add)|\bpipx run|\buv tool run|\buvx)"
    r"\s(?:[^\n`#]*\s)?"
    r"['\"]?(?:backup-)?orchestrator(?=[\s`'\"\[=<>~!;,.)]|$)",
    re.MULTILINE,
)


def list_texts(path: Path) -> Iterator[str]:
    """The text of a file; of a module also its strings, each whole, wherever the lines end."""
    text = path.read_text(encoding="utf-8")
    yield text.replace("\\\n", " ")
    if path.suffix == ".py":
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


def list_files() -> list[Path]:
    below = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.is_file()]
    read = [path for path in below if "__pycache__" not in path.parts]
    return sorted([*read, *(ROOT / name for name in FILES if (ROOT / name).exists())])


def test_nothing_says_to_install_the_program_by_its_name():
    files = list_files()
    assert len(files) > 300
    offenders = [
        f"{path.relative_to(ROOT)}: {found}"
        for path in files
        for text in list_texts(path)
        for found in INSTALLS.findall(text)
    ]
    assert not offenders, "\n".join(offenders)


@pytest.mark.parametrize(
    "text",
    [
        "`pip install 'backup-orchestrator[embedded]'`",
        "/opt/orchestrator/bin/pip install backup-orchestrator",
        "pip install --upgrade backup-orchestrator==1.0",
        "pipx install orchestrator",
        "uv tool install backup-orchestrator",
        "uvx backup-orchestrator",
        "uv add backup-orchestrator",
    ],
)
def test_the_check_finds(text: str):
    assert INSTALLS.search(text)


@pytest.mark.parametrize(
    "text",
    [
        "pip install '.[embedded]'",
        "/opt/orchestrator/bin/pip install /usr/src/backup-orchestrator",
        "uv tool install .",
        "uv run orchestrator plan",
        "/opt/orchestrator/bin/pip install /path/to/checkout",
        "python3 -m pip install .        # in a virtual environment",
    ],
)
def test_the_check_lets_pass(text: str):
    assert not INSTALLS.search(text)
