"""Every ``next_step`` of the program is worded so that callers may join it to others.

It begins with a lower-case letter, a code in backquotes, a name that is filled in, or a keyword in
capitals, and has no full stop at its end. An empty one says that nothing is to be done.
"""

import ast
import re
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest

PRODUCT = Path(__file__).parents[2] / "orchestrator"
FILLED_IN = "\0"
BEGINNING = re.compile(rf"[a-z`{FILLED_IN}]|[A-Z]{{2,}}\b|$")
ENDING = re.compile(r"[.!,:\s]$")

Constants = dict[str, ast.expr]


def list_steps(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Every text of a next step that stands in a module, with its line; what is filled in is NUL."""
    constants = {
        target.id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg == "next_step":
            yield from ((node.value.lineno, text) for text in texts_of(node.value, constants))
        if isinstance(node, ast.Assign) and any(map(is_a_step, node.targets)):
            yield from ((node.lineno, text) for text in texts_of(node.value, constants))
        # What is added to one has its beginning before it.
        if isinstance(node, ast.AugAssign) and ast.unparse(node.target).endswith(".next_step"):
            added = texts_of(node.value, constants)
            yield from ((node.lineno, FILLED_IN + text) for text in added)


def is_a_step(target: ast.expr) -> bool:
    """A constant that other modules import as a next step."""
    return isinstance(target, ast.Name) and target.id.endswith("NEXT_STEP")


def texts_of(value: ast.expr, constants: Constants) -> Iterator[str]:
    """The texts that an expression may have, as far as they stand in the module."""
    match value:
        case ast.Constant(value=str() as text):
            yield text
        case ast.JoinedStr(values=parts):
            yield "".join(
                str(part.value) if isinstance(part, ast.Constant) else FILLED_IN for part in parts
            )
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            both = product(texts_of(left, constants), texts_of(right, constants))
            yield from map("".join, both)
        case ast.Call(func=ast.Attribute(value=template, attr="format")):
            for text in texts_of(template, constants):
                yield re.sub(r"\{\w*\}", FILLED_IN, text)
        case _:
            choices = choices_of(value, constants)
            yield from (text for each in choices for text in texts_of(each, constants))
            if not choices:
                yield FILLED_IN


def choices_of(value: ast.expr, constants: Constants) -> list[ast.expr]:
    """The expressions one of which is the value of another."""
    match value:
        case ast.IfExp(body=one, orelse=other):
            return [one, other]
        case ast.Name(id=name) if name in constants:
            return [constants[name]]
        case ast.Dict(values=values):
            return values
        case ast.Subscript(value=whole):
            return [whole]
        case _:
            return []


def list_offenders(text: str) -> list[str]:
    return [
        f"line {line}: {step!r}"
        for line, step in list_steps(ast.parse(text))
        if not BEGINNING.match(step) or ENDING.search(step)
    ]


def test_every_next_step_can_be_joined_to_others():
    texts = {path: path.read_text("utf-8") for path in sorted(PRODUCT.rglob("*.py"))}
    steps = [step for text in texts.values() for _, step in list_steps(ast.parse(text))]
    assert len([step for step in steps if step.strip(FILLED_IN)]) > 200
    offenders = [
        f"{path.relative_to(PRODUCT.parent)}: {offender}"
        for path, text in texts.items()
        for offender in list_offenders(text)
    ]
    assert not offenders, "\n".join(offenders)


@pytest.mark.parametrize(
    "text",
    [
        "E('x', next_step='Run it again')",
        "E('x', next_step='run it again.')",
        "E('x', next_step=f'Remove {name}')",
        "E('x', next_step=f'remove {name}.')",
        "E('x', next_step='run it ' + 'again.')",
        "E('x', next_step='run it again' if a else 'Report it')",
        "_HINT = 'Run {it}'\nE('x', next_step=_HINT.format(it=it))",
        "_HINTS = {A: 'run it', B: 'Report it'}\nE('x', next_step=_HINTS[kind])",
        "NEXT_STEP = 'run it again.'",
        "error.next_step += f'; drop {name}.'",
    ],
)
def test_the_check_finds(text: str):
    assert len(list_offenders(text)) == 1


@pytest.mark.parametrize(
    "text",
    [
        "E('x', next_step='run it again')",
        "E('x', next_step='`orchestrator list` shows it. Then run it again')",
        "E('x', next_step=f'{name!r} is as it was')",
        "E('x', next_step='COPY cannot carry it; exclude its table')",
        "E('x', next_step='as a superuser: ALTER ROLE a CREATEDB;')",
        "E('x', next_step='')",
        "error.next_step += '; nothing was changed'",
    ],
)
def test_the_check_lets_pass(text: str):
    assert list_offenders(text) == []
