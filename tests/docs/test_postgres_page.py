"""docs/postgres.md has all 46 pitfalls, each with what becomes of it and a test that exists."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "postgres.md").read_text("utf-8")
VERDICTS = ("**handled**", "**refused**", "**listed**")

PITFALLS = re.findall(r"^\| (\d+) \| .+? \| (.+?) \| `(.+?)` \|$", PAGE, re.MULTILINE)
OTHERS = re.findall(r"^\| (?!\d+ \|).+? \| (\*\*.+?) \| `(.+?)` \|$", PAGE, re.MULTILINE)
NAMED = sorted({test for *_, test in PITFALLS} | {test for _, test in OTHERS})


def test_all_46_pitfalls_are_there_in_order() -> None:
    assert [int(number) for number, *_ in PITFALLS] == [*range(1, 47)]
    assert len(OTHERS) == 13


def test_each_says_what_becomes_of_it() -> None:
    verdicts = [what for _, what, _ in PITFALLS] + [what for what, _ in OTHERS]
    assert [what for what in verdicts if not what.startswith(VERDICTS)] == []


@pytest.mark.parametrize("named", NAMED)
def test_each_named_test_exists(named: str) -> None:
    file, _, name = named.partition("::")
    tree = ast.parse((ROOT / "tests" / file).read_text("utf-8"))
    assert name in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
