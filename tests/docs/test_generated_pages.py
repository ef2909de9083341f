"""Pages that are generated from the code are current, and the code says enough to generate them."""

import inspect
import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator import errors
from orchestrator.cli.exit_codes import OF_KIND, ExitCode
from orchestrator.errors import Kind, OrchestratorError

ROOT = Path(__file__).parents[2]

CLASSES = [
    found
    for _, found in inspect.getmembers(errors, inspect.isclass)
    if issubclass(found, OrchestratorError) and found is not OrchestratorError
]

GIVEN_UP = {"ORC-504"}


@pytest.mark.parametrize("script", ["generate_errors.py", "generate_cli.py"])
def test_a_generated_page_is_current(script: str):
    ended = subprocess.run(
        [sys.executable, ROOT / "docs" / script, "--check"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ended.returncode == 0, ended.stderr


def test_every_error_has_a_code_of_its_own():
    codes = [found.code for found in CLASSES]
    assert len(CLASSES) > 30
    assert len(set(codes)) == len(codes)


def test_a_code_that_was_given_up_is_not_given_again():
    assert not GIVEN_UP & {found.code for found in CLASSES}


@pytest.mark.parametrize("found", CLASSES, ids=lambda found: found.__name__)
def test_every_error_is_explained_on_the_page(found: type[OrchestratorError]):
    page = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    assert "code" in vars(found), "it needs a code of its own"
    assert "__doc__" in vars(found)
    assert found.__doc__
    assert f"| {found.code} | {' '.join(found.__doc__.split())} |" in page


def test_every_kind_of_error_has_an_exit_code():
    assert set(OF_KIND) == set(Kind)


@pytest.mark.parametrize("code", ExitCode)
def test_every_exit_code_is_on_the_page(code: ExitCode):
    page = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    assert f"\n| {code.value} | " in page
