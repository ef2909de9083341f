"""The Makefile explains itself, and says what is missing before it does anything."""

import os
import re
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
MAKEFILE = ROOT / "Makefile"
RECIPES_AT_MOST = 12


def make(*arguments: str, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    program = shutil.which("make")
    assert program is not None
    # `make test` hands its own flags and variables down through the environment.
    outside = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    return subprocess.run(
        [program, "--no-print-directory", *arguments],
        cwd=folder,
        env=outside,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def list_recipes() -> list[str]:
    phony = re.search(r"^\.PHONY: (.+)$", MAKEFILE.read_text(encoding="utf-8"), re.MULTILINE)
    assert phony is not None
    return phony[1].split()


def test_make_alone_lists_every_recipe_with_a_sentence():
    printed = make().stdout
    for recipe in list_recipes():
        assert re.search(rf"^  make {recipe} +\S.{{10,}}$", printed, re.MULTILINE), recipe


def test_there_are_few_recipes():
    assert len(list_recipes()) <= RECIPES_AT_MOST


def test_without_a_fit_python_it_says_what_to_install_and_makes_nothing(tmp_path: Path):
    for name in ("Makefile", "uv.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    refused = make("test", "PYTHON=/bin/false", folder=tmp_path)
    assert refused.returncode != 0
    assert "No Python 3.11 or newer" in refused.stderr
    assert "/bin/false" in refused.stderr
    assert not (tmp_path / ".venv").exists()


def test_continuous_integration_runs_the_checks_and_the_tests():
    script = ROOT / ".ci" / "run"
    assert script.stat().st_mode & 0o111
    assert "exec make check test" in script.read_text(encoding="utf-8")
