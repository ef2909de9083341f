"""Whatever stands in a policy file: problems or a desired state, never an exception."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.policy.load import LoadedPolicies, load_policies
from orchestrator.policy.problems import ProblemLog
from orchestrator.policy.reading.nodes import plain
from orchestrator.policy.reading.strict_yaml import read_yaml
from orchestrator.schemas import schema_text
from tests.properties.policy.schema_documents import documents_of
from tests.unit.policy.policy_text import ENVIRONMENT, VALID

SCHEMA = json.loads(schema_text("policy"))

FRAGMENTS = st.sampled_from([
    "version: 1\n", "policies:", "\n  ", "- ", ": ", "{", "}", "[", "]", "&a ", "*a", "!!str ", "<<",
    '"', "'", "|\n", ">", "#", "? ", "---\n", "...\n", "%YAML 1.1\n", "\t", "\r\n", "\x00", "\ufeff",
    "${env:X}", "${file:/etc/hostname}", "010", "no", "12:30", ".inf", "3mo", "0 2 * * *", "é", "💥",
    "source", "url", "destinations", "alerts", "tiers", "cron", "local", "\n", "\u2028", "a", "1",
])  # fmt: skip
TEXT = st.text(st.characters(categories=["L", "N", "P", "S", "Zs"]), min_size=1).filter(
    lambda text: text != "<<"  # refused as a key, quoted or not
)
YAML_LIKE = st.lists(FRAGMENTS, max_size=60).map("".join)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["source", "url", "cron", "policies", "x"]) | st.text(max_size=5),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


def loaded(content: bytes) -> LoadedPolicies:
    with TemporaryDirectory() as folder:
        (Path(folder) / "a.yaml").write_bytes(content)
        return load_policies(Path(folder), environment=ENVIRONMENT)


def assert_it_is_an_answer(answer: LoadedPolicies, lines: int) -> None:
    assert (answer.desired is None) == bool(answer.problems)
    assert list(answer.problems) == sorted(set(answer.problems))
    for problem in (*answer.problems, *answer.warnings):
        assert 1 <= problem.line <= lines + 1
        assert problem.column >= 1
        assert "\n" not in str(problem)


@given(st.binary(max_size=300) | st.text(max_size=200).map(str.encode))
def test_any_bytes_are_problems_or_policies(content: bytes):
    assert_it_is_an_answer(loaded(content), lines=content.count(b"\n") + content.count(b"\r") + 1)


@given(YAML_LIKE)
def test_anything_that_looks_like_yaml_is_problems_or_policies(text: str):
    content = text.encode()

    assert_it_is_an_answer(loaded(content), lines=text.count("\n") + text.count("\r") + 1)


@given(st.data())
def test_any_damage_to_a_valid_file_is_problems_or_policies(data: st.DataObject):
    begin = data.draw(st.integers(0, len(VALID)))
    length = data.draw(st.integers(0, 30))
    text = VALID[:begin] + data.draw(YAML_LIKE | st.text(max_size=5)) + VALID[begin + length :]

    assert_it_is_an_answer(loaded(text.encode()), lines=text.count("\n") + text.count("\r") + 1)


@given(st.dictionaries(st.sampled_from(list(SCHEMA["properties"])), VALUES))
def test_any_values_under_the_known_keys_are_problems_or_policies(document: dict[str, object]):
    text = json.dumps({"version": 1, **document})

    assert_it_is_an_answer(loaded(text.encode()), lines=1)


@given(documents_of(SCHEMA))
def test_interpreting_any_document_that_the_schema_allows_never_raises(document: object):
    content = json.dumps(document).encode()

    assert_it_is_an_answer(loaded(content), lines=1)


@given(st.recursive(TEXT, lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner)))
def test_what_pyyaml_writes_quoted_is_read_as_it_was(value: object):
    log = ProblemLog()

    root = read_yaml(yaml.safe_dump({"a": value}, default_style='"'), "x", log)

    assert log.problems == ()
    assert root is not None
    assert plain(root) == {"a": value}
