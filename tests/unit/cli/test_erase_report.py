"""What `erase` says and answers when somebody stopped its last step."""

import json

import pytest

from orchestrator.cli.erase_command import report_erasure
from orchestrator.cli.exit_codes import ExitCode
from orchestrator.execution.prune.collector import Collected
from orchestrator.execution.prune.erase_series import Erasure
from orchestrator.model.names import ObjectKey
from tests.unit.execution.world import LOCAL, SERIES

REMOVED = {ObjectKey("practice/app/chunks/ab/abc.copy.zst"): 1024}


def an_erasure(stopped_by: str | None) -> Erasure:
    return Erasure(
        copies=2, collected={LOCAL: Collected(removed=dict(REMOVED), stopped_by=stopped_by)}
    )


def test_an_erasure_that_somebody_stopped_is_partly_done_and_says_how_to_go_on(
    capsys: pytest.CaptureFixture[str],
):
    code = report_erasure(SERIES, an_erasure("run X is at work"), as_json=False)
    assert code is ExitCode.PARTLY_DONE
    said = capsys.readouterr()
    assert "stopped there: run X is at work" in said.err
    assert "run the same command again" in said.err
    assert "erased 2 copies" in said.out


def test_a_stopped_erasure_is_partly_done_in_json_too(capsys: pytest.CaptureFixture[str]):
    assert report_erasure(SERIES, an_erasure("run X"), as_json=True) is ExitCode.PARTLY_DONE
    assert json.loads(capsys.readouterr().out)["destinations"][0]["stopped_by"] == "run X"


@pytest.mark.parametrize("as_json", [True, False])
def test_an_erasure_that_nobody_stopped_is_done(as_json: bool):  # noqa: FBT001 - a case
    assert report_erasure(SERIES, an_erasure(None), as_json=as_json) is ExitCode.DONE
