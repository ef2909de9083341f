"""Secrets come in by reference only, and never go out (fault S04)."""

import os
from pathlib import Path

import pytest

from orchestrator.policy.load import LoadedPolicies, load_policies
from tests.unit.policy.policy_text import ENVIRONMENT, changed, desired, load, problems, warnings

URL = '"${env:DATABASE_URL}"'


def test_secrets_are_read_from_the_environment_and_from_files_beside_the_policy(tmp_path: Path):
    (tmp_path / "alert").write_text("json://localhost/of-the-file\n")

    state = desired(tmp_path, changed(("${env:ALERT_URL}", "${file:alert}")))

    [channel], [policy] = state.channels.values(), state.policies.values()
    assert channel.url.reveal() == "json://localhost/of-the-file"
    assert channel.url.origin == "${file:alert}"
    assert policy.source.url.reveal() == ENVIRONMENT["DATABASE_URL"]
    assert policy.source.restore_url == policy.source.url


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("${env:UNSET}", "the environment variable `UNSET` is not set"),
        ("${env:EMPTY}", "the environment variable `EMPTY` is empty"),
        ("${env:LINES}", "the environment variable `LINES` holds more than one line"),
        ("${file:nowhere}", "there is no file `{folder}/nowhere`"),
        ("${file:.}", "there is no file `{folder}`"),
        ("${file:binary}", "the file `binary` is not UTF-8"),
        ("${file:large}", "the file `large` is larger than 64 KiB"),
        ("${DATABASE_URL}", "a reference must be the whole value"),
        ("${env:}", "a reference must be the whole value"),
        ("${env:A B}", "`A B` cannot be the name of an environment variable"),
        ("${exec:id}", "a reference must be the whole value"),
        ("${env:${env:NESTED}}", "a reference must be the whole value"),
        ("postgresql://u:${env:EMPTY}@h/d", "a reference must be the whole value"),
    ],
)
def test_a_reference_that_leads_to_no_secret_is_a_problem(
    tmp_path: Path, written: str, expected: str
):
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    (tmp_path / "large").write_text("x" * 70_000)
    environment = {**ENVIRONMENT, "EMPTY": "", "LINES": "a\nb"}

    loaded = load(tmp_path, changed((URL, f'"{written}"')), environment=environment)

    [problem] = loaded.problems
    assert (problem.line, problem.column) == (8, 39)
    assert problem.message.replace(str(tmp_path), "{folder}").startswith(expected)


@pytest.mark.parametrize(
    ("field", "place"),
    [
        (('"0 2 * * *"', '"${env:HIDDEN}"'), "10:21"),
        (("file:./backups", '"${env:HIDDEN}"'), "5:16"),
        (("[local]", '["${env:HIDDEN}"]'), "13:20"),
        (("source:", 'timezone: "${env:HIDDEN}"\n    source:'), "8:15"),
        (("30d", '"${file:hidden}"'), "12:22"),
        (("{to: ops", '{to: "x${env:HIDDEN}"'), "14:19"),
    ],
)
def test_a_reference_anywhere_else_is_a_problem_and_is_not_followed(
    tmp_path: Path, field: tuple[str, str], place: str
):
    [problem] = problems(tmp_path, changed(field))

    assert problem.startswith(f"a.yaml:{place}: references such as `${{env:NAME}}` are for secrets")


def test_what_a_secret_holds_is_not_looked_at_for_references(tmp_path: Path):
    environment = {**ENVIRONMENT, "ALERT_URL": "json://localhost/${env:DATABASE_URL}"}

    loaded = load(tmp_path, changed(), environment=environment)

    assert loaded.desired is not None
    [channel] = loaded.desired.channels.values()
    assert channel.url.reveal() == "json://localhost/${env:DATABASE_URL}"


def test_without_secrets_what_is_missing_is_no_problem_and_what_is_wrong_still_is(tmp_path: Path):
    text = changed(("ALERT_URL", "UNSET"), (URL, '"${file:nowhere}"'), ('"0 2', '"0 99'))

    loaded = load(tmp_path, text, environment={}, without_secrets=True)
    repaired = load(tmp_path, text.replace("99", "2"), environment={}, without_secrets=True)

    assert [problem.line for problem in loaded.problems] == [10]
    assert repaired.desired is not None
    assert [policy.series for policy in repaired.desired.policies.values()] == [()]


def everything_shown(loaded: LoadedPolicies) -> str:
    return f"{loaded.problems!r}{loaded.warnings!r}{loaded.desired!r}"


@pytest.mark.parametrize(
    "value",
    [
        "postgresql://u:s3cr3t@h/d",
        "postgresql://u:s3cr3t@h",
        "mysql://u:s3cr3t@h/d",
        "host=h password=s3cr3t '",
        "s3cr3t",
        "s3cr3t\nmore",
        "postgresql://[s3cr3t",
    ],
)
def test_the_value_of_a_secret_is_shown_nowhere(tmp_path: Path, value: str):
    (tmp_path / "file").write_text(value)
    environment = {"DATABASE_URL": value, "ALERT_URL": value}

    text = changed(("${env:ALERT_URL}", "${file:file}"))
    loaded = load(tmp_path, text, environment=environment)

    assert "s3cr3t" not in everything_shown(loaded)


@pytest.mark.parametrize(
    "place",
    [URL, '"${env:ALERT_URL}"', '"0 2 * * *"', "file:./backups", "30d", "[local]", "[all]"],
)
@pytest.mark.parametrize(
    "literal", ["postgresql://u:s3cr3t@h/d", "mysql://u:s3cr3t@h", "x://h?password=s3cr3t", "a:b"]
)
def test_a_password_in_any_field_is_shown_nowhere(tmp_path: Path, place: str, literal: str):
    loaded = load(tmp_path, changed((place, f'"{literal}"')))

    assert "s3cr3t" not in everything_shown(loaded)


@pytest.mark.parametrize(
    "literal",
    ["postgresql://u:pw@h/d", "postgresql://u@h/d?password=pw", "host=h dbname=d password=pw"],
)
def test_a_password_written_into_a_url_is_a_warning(tmp_path: Path, literal: str):
    found = warnings(tmp_path, changed((URL, f'"{literal}"')))

    assert [line.split(";")[0] for line in found] == [
        "a.yaml:8:39: a password is written into the url"
    ]


def test_a_literal_url_without_a_password_is_fine(tmp_path: Path):
    assert warnings(tmp_path, changed((URL, "postgresql://u@h/d"))) == []


def test_a_fifo_as_a_secret_is_not_waited_for(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "a.yaml").write_text(changed(("${env:ALERT_URL}", "${file:pipe}")))

    [problem] = load_policies(tmp_path, environment=ENVIRONMENT).problems

    assert problem.message == f"there is no file `{tmp_path}/pipe`"


@pytest.mark.parametrize("literal", ["nonsense", "ops@example.org", "://x"])
def test_a_channel_that_can_never_deliver_is_a_problem(tmp_path: Path, literal: str):
    text = changed(('"${env:ALERT_URL}"', f'"{literal}"'))
    assert [line for line in problems(tmp_path, text) if "is not an Apprise URL" in line]
