"""docs/postgres-under-pressure.md names, for every fault, tests that exist."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "postgres-under-pressure.md").read_text("utf-8")
TABLE = PAGE.partition("| fault |")[2].partition("\n\n")[0]
ROWS = re.findall(r"^\| (?!---)(.+?) \| (.+?) \| (.*?) ?\|$", TABLE, re.MULTILINE)
NAMED = sorted({name for *_, tests in ROWS for name in re.findall(r"`(.+?)`", tests)})


def test_every_fault_names_at_least_one_test() -> None:
    assert len(ROWS) >= 15
    assert [fault for fault, _, tests in ROWS if "`tests/" not in tests] == []


@pytest.mark.parametrize("named", NAMED)
def test_each_named_test_exists(named: str) -> None:
    file, _, name = named.partition("::")
    tree = ast.parse((ROOT / file).read_text("utf-8"))
    tests = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    assert any(one.startswith("test_") for one in tests)
    assert not name or name in tests
