"""What YAML 1.1 programs misread stays what it looks like, or is refused at its place (M15, S02)."""

from pathlib import Path

import pytest

from orchestrator.policy.problems import ProblemLog
from orchestrator.policy.reading.nodes import plain
from orchestrator.policy.reading.strict_yaml import read_yaml
from tests.unit.policy.policy_text import changed, problems

STAYS = {
    "no": "no",
    "yes": "yes",
    "on": "on",
    "off": "off",
    "y": "y",
    "N": "N",
    "NO": "NO",
    "12:30": "12:30",
    "22:00:00": "22:00:00",
    "1_000": "1_000",
    "0b101": "0b101",
    "2026-11-22": "2026-11-22",
    "2026-11-22T10:30:00Z": "2026-11-22T10:30:00Z",
    "=": "=",
    "1.2.3": "1.2.3",
    "3mo": "3mo",
    "+": "+",
    ".": ".",
    "tRuE": "tRuE",
    "nULL": "nULL",
    "0": 0,
    "7": 7,
    "-3": -3,
    "+3": 3,
    "1.5": 1.5,
    "1e3": 1000.0,
    "true": True,
    "False": False,
    "null": None,
    "~": None,
    "": None,
    "'010'": "010",
    '"no"': "no",
    '"null"': "null",
    "'7'": "7",
    '"2\\n3"': "2\n3",
    "a#b": "a#b",
    "'it''s'": "it's",
    "\u00a0x": "\u00a0x",
    "[no, 12:30]": ["no", "12:30"],
    "{on: off}": {"on": "off"},
}

REFUSED = {
    "010": "1:4: `010` is read as different numbers by different programs",
    "-010": "1:4: `-010` is read as different numbers",
    "00": "1:4: `00` is read as different numbers",
    "089": "1:4: `089` is read as different numbers",
    "0o17": "1:4: `0o17` is read as different numbers",
    "0x1F": "1:4: `0x1F` is read as different numbers",
    ".inf": "1:4: `.inf` is not a number that can be used here",
    "-.INF": "1:4: `-.INF` is not a number that can be used here",
    ".nan": "1:4: `.nan` is not a number that can be used here",
    "9999999999999999999": "1:4: `9999999999999999999` has more digits than a number may have",
    "&x 1": "1:4: anchors such as `&x` are not allowed",
    "*x": "1:4: aliases such as `*x` are not allowed",
    "[&x 1, *x]": "1:5: anchors such as `&x` are not allowed",
    "{<<: {b: 1}}": "1:5: merge keys are not allowed",
    "!!str 1": "1:4: tags are not allowed",
    "! x": "1:4: tags are not allowed",
    "!mine [1]": "1:4: tags are not allowed",
    "!!binary aGk=": "1:4: tags are not allowed",
    "!!python/object/apply:os.system [touch x]": "1:4: tags are not allowed",
    "{b: 1, b: 2}": "1:11: the key `b` stands here twice, first on line 1",
    "{1: x}": "1:5: a key must be text",
    "{true: x}": "1:5: a key must be text",
    "{~: x}": "1:5: a key must be text",
    "{[b]: x}": "1:5: a key must be text",
    "{{b: c}: x}": "1:5: a key must be text",
    "{010: x}": "1:5: `010` is read as different numbers",
    "{${env:X}: 1}": "1:6: this is not YAML",
    "b: c": "1:5: this is not YAML",
    "'open": "2:1: this is not YAML",
    "[1, 2": "2:1: this is not YAML",
    "`x`": "1:4: this is not YAML",
    "@x": "1:4: this is not YAML",
    '"\\x00"': "1:4: the text contains control characters",
    '"\\u2028"': "1:4: the text contains control characters",
    '"\\ud800"': "1:7: this is not YAML",
    "1\n---\nb: 2": "2:1: a file holds one document only",
    "1\n\tb: 2": "2:1: this is not YAML",
}


@pytest.mark.parametrize(("written", "value"), STAYS.items())
def test_an_unambiguous_value_is_what_it_looks_like(written: str, value: object):
    log = ProblemLog()

    root = read_yaml(f"a: {written}\n", "x", log)

    assert log.problems == ()
    assert root is not None
    assert plain(root) == {"a": value}


@pytest.mark.parametrize(("written", "expected"), REFUSED.items())
def test_what_could_be_misread_is_refused_at_its_place(written: str, expected: str):
    log = ProblemLog()

    read_yaml(f"a: {written}\n", "x", log)

    [problem] = log.problems
    assert str(problem).startswith(f"x:{expected}")


@pytest.mark.parametrize("head", ["%YAML 1.1\n---\n", "%TAG ! tag:example.com,2000:\n---\n"])
def test_directives_are_refused(head: str):
    log = ProblemLog()

    read_yaml(f"{head}a: 1\n", "x", log)

    assert [str(problem) for problem in log.problems] == [
        "x:1:1: YAML directives are not allowed; remove the `%` lines"
    ]


def test_an_unquoted_reference_in_braces_says_that_quotes_are_missing(tmp_path: Path):
    [problem] = problems(tmp_path, changed(('"${env:ALERT_URL}"', "${env:ALERT_URL}")))

    assert problem.endswith('put quotes around references: "${env:NAME}"')


def test_a_tab_in_the_indentation_is_named(tmp_path: Path):
    [problem] = problems(tmp_path, "version: 1\npolicies:\n\tpractice: {}\n")

    assert problem.startswith("a.yaml:3:1: this is not YAML")
    assert problem.endswith("indent with spaces, not with tabs")
