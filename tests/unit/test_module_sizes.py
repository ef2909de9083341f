"""The size budgets of CONTRIBUTING.md, for every module, and for the tests themselves."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULE_LINES = 400
FUNCTION_LINES = 40
LONGER_MODULES = {
    "orchestrator/errors.py": 480,  # a table: one class for each error, none with behaviour
}
TEST_LINES = 25
PARAMETERS = 6
MODULES_IN_A_PACKAGE = 12
LARGER_PACKAGES = {
    "orchestrator/cli": 45,  # one file per verb, so that the folder is the list of commands
    "orchestrator/ports": 17,  # one file per port
    "orchestrator/model": 20,  # one file per idea of the vocabulary, none with behaviour
}
FORBIDDEN_NAMES = {"utils", "common", "helpers", "manager", "base", "misc"}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def list_functions(tree: ast.AST) -> Iterator[Function]:
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def count_lines(function: Function) -> int:
    """Lines from ``def`` to the end, docstring included; decorators are declarations, not steps."""
    assert function.end_lineno is not None
    return function.end_lineno - function.lineno + 1


def count_parameters(function: Function) -> int:
    arguments = function.args
    named = [*arguments.posonlyargs, *arguments.args]
    if named and named[0].arg in {"self", "cls"}:
        named = named[1:]
    rest = [argument for argument in (arguments.vararg, arguments.kwarg) if argument is not None]
    return len([*named, *arguments.kwonlyargs, *rest])


def check_function(where: str, function: Function, *, budget: int) -> Iterator[str]:
    if (lines := count_lines(function)) > budget:
        yield f"{where}:{function.lineno}: {function.name} has {lines} lines (at most {budget})"
    if (count := count_parameters(function)) > PARAMETERS:
        yield (
            f"{where}:{function.lineno}: {function.name} has {count} parameters"
            f" (at most {PARAMETERS})"
        )


def check_module(path: Path, root: Path) -> Iterator[str]:
    where = str(path.relative_to(root))
    text = path.read_text(encoding="utf-8")
    budget = LONGER_MODULES.get(where, MODULE_LINES)
    if (lines := len(text.splitlines())) > budget:
        yield f"{where}: {lines} lines (at most {budget})"
    if FORBIDDEN_NAMES & {path.stem, path.parent.name}:
        yield f"{where}: a name that says nothing; name what it knows or does"
    for function in list_functions(ast.parse(text)):
        yield from check_function(where, function, budget=FUNCTION_LINES)


def check_package(folder: Path, root: Path) -> Iterator[str]:
    modules = [path for path in folder.glob("*.py") if path.stem != "__init__"]
    where = folder.relative_to(root).as_posix()
    limit = LARGER_PACKAGES.get(where, MODULES_IN_A_PACKAGE)
    if len(modules) > limit:
        yield f"{where}: {len(modules)} modules (at most {limit})"


def check_tests(path: Path, root: Path) -> Iterator[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for function in list_functions(tree):
        if function.name.startswith("test_") and count_lines(function) > TEST_LINES:
            yield from check_function(str(path.relative_to(root)), function, budget=TEST_LINES)


def list_offenders(root: Path) -> list[str]:
    """Every module of ``orchestrator`` and ``tests`` below a root that is over a budget."""
    product = sorted((root / "orchestrator").rglob("*.py"))
    tests = sorted((root / "tests").rglob("test_*.py")) + sorted(
        (root / "tests" / "contracts").glob("*_contract.py")
    )
    found = [line for path in product for line in check_module(path, root)]
    found += [
        line
        for folder in sorted({path.parent for path in product})
        for line in check_package(folder, root)
    ]
    return found + [line for path in tests for line in check_tests(path, root)]


def test_every_module_function_and_package_is_within_its_budget():
    offenders = list_offenders(ROOT)
    assert not offenders, "over budget:\n" + "\n".join(offenders)


def test_the_page_for_contributors_names_every_exception():
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    for path, limit in (LONGER_MODULES | LARGER_PACKAGES).items():
        named = rf"`{re.escape(Path(path).name)}`[^`|]*: {limit}\b"
        assert re.search(named, page), f"{path}: {limit}"


SAMPLES = {
    "a_long_module": ("orchestrator/long.py", "x = 1\n" * 401, "401 lines"),
    "a_long_function": ("orchestrator/a.py", "def f():\n" + "    x = 1\n" * 40, "f has 41 lines"),
    "a_long_async_method": (
        "orchestrator/a.py",
        "class A:\n    async def g(self):\n" + "        x = 1\n" * 40,
        "g has 41 lines",
    ),
    "many_parameters": (
        "orchestrator/a.py",
        "class A:\n    def f(self, a, b, /, c, *d, e, g, **h): ...\n",
        "f has 7 parameters",
    ),
    "a_name_that_says_nothing": ("orchestrator/room/utils.py", "", "says nothing"),
    "a_package_that_says_nothing": ("orchestrator/helpers/copying.py", "", "says nothing"),
    "a_long_test": (
        "tests/unit/test_a.py",
        "def test_a():\n" + "    x = 1\n" * 25,
        "test_a has 26 lines",
    ),
}


def write(root: Path, path: str, text: str) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text, encoding="utf-8")


@pytest.mark.parametrize("sample", SAMPLES.values(), ids=SAMPLES.keys())
def test_the_check_finds(sample: tuple[str, str, str], tmp_path: Path):
    path, text, complaint = sample
    write(tmp_path, path, text)
    (offender,) = list_offenders(tmp_path)
    assert complaint in offender


def test_the_check_finds_a_crowded_package(tmp_path: Path):
    for number in range(13):
        write(tmp_path, f"orchestrator/room/module{number}.py", "")
    assert list_offenders(tmp_path) == ["orchestrator/room: 13 modules (at most 12)"]


def test_everything_at_its_limit_passes(tmp_path: Path):
    body = "    x = 1\n" * 39
    write(tmp_path, "orchestrator/a.py", f"def f(a, b, c, d, e, g):\n{body}" + "\n" * 360)
    write(tmp_path, "tests/unit/test_a.py", "def test_a():\n" + "    x = 1\n" * 24)
    assert list_offenders(tmp_path) == []


def test_a_docstring_counts_and_a_decorator_does_not(tmp_path: Path):
    text = '@a\n@b\ndef f():\n    """One.\n\n    Two.\n    """\n' + "    x = 1\n" * 36
    write(tmp_path, "orchestrator/a.py", text)
    (offender,) = list_offenders(tmp_path)
    assert "f has 41 lines" in offender


def test_a_package_with_a_reason_may_be_larger(tmp_path: Path):
    for number in range(13):
        write(tmp_path, f"orchestrator/cli/verb{number}_command.py", "")
    assert list_offenders(tmp_path) == []


def test_all_offenders_are_listed_at_once(tmp_path: Path):
    write(tmp_path, "orchestrator/utils.py", "def f():\n" + "    x = 1\n" * 400)
    assert len(list_offenders(tmp_path)) == 3
