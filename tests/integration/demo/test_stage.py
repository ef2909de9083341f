import json
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from orchestrator.demo.narrator import Narrator
from orchestrator.demo.receiver import AlertReceiver, ReceivedAlert
from orchestrator.demo.stage import Stage, StepFailedError
from orchestrator.engines.postgres.programs import embedded_programs
from tests.support.postgres import Database


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(
        narrator=Narrator(colours=False),
        folder=tmp_path,
        programs=embedded_programs(),
        variables={},
    )


def _post(url: str, message: dict[str, str]) -> int:
    parts = urlsplit(url)
    connection = HTTPConnection(parts.netloc, timeout=5)
    try:
        connection.request("POST", parts.path, json.dumps(message))
        return connection.getresponse().status
    finally:
        connection.close()


def test_a_command_that_fails_against_the_story_fails_the_demo(stage: Stage):
    with pytest.raises(StepFailedError, match="ended with exit code 64; exit code 0 was expected"):
        stage.orchestrator("no-such-verb")


def test_a_command_that_succeeds_against_the_story_fails_the_demo(stage: Stage):
    with pytest.raises(StepFailedError, match="another exit code than 0 was expected"):
        stage.orchestrator("--version", fails=True)


def test_a_command_is_shown_as_typed_with_what_it_said(
    stage: Stage, capsys: pytest.CaptureFixture[str]
):
    lines = stage.orchestrator("--version")
    assert capsys.readouterr().out == f"\n$ orchestrator --version\n  {lines[0]}\n"


def test_a_failing_statement_fails_the_demo(stage: Stage, empty_database: Database):
    with pytest.raises(StepFailedError, match='relation "nowhere" does not exist'):
        stage.psql(empty_database.url, "-c", "SELECT * FROM nowhere")


def test_partitions_are_counted_with_their_table(stage: Stage, practice_database: Database):
    counts = stage.count_rows(practice_database.url)
    assert counts["activity_logs"] == 6800
    assert 'billing."VATReturns"' in counts
    assert not [name for name in counts if name.startswith("activity_logs_")]


def test_the_receiver_hands_over_what_was_posted():
    with AlertReceiver() as receiver:
        assert _post(receiver.url, {"title": "failed", "message": "practice"}) == 200
        assert receiver.wait(5) == ReceivedAlert("failed", "practice")
        assert receiver.wait(0.01) is None
