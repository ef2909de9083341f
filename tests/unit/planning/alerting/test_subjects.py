"""A subject says what happened without saying twice what it happened to, and stays a sentence."""

import pytest

from orchestrator.alerts.draft import write_subject
from orchestrator.model.alert import Trouble
from orchestrator.model.run import ErrorReport
from orchestrator.planning.alerting.causes import cause_of_failure
from orchestrator.planning.alerting.subjects import shorten_failure
from tests.support.builders import a_policy, a_series
from tests.support.incident_history import History

PLACE = "destination 'local' (file:///srv/backups)"


def subject_of(code: str, what: str) -> str:
    error = ErrorReport(code=code, what=what, next_step="")
    history = History()
    cause = cause_of_failure(error, a_series(), a_policy())
    trouble = Trouble(
        cause=cause,
        series=(a_series(),),
        since=history.now,
        error=error,
        next_command="orchestrator status",
        short=shorten_failure(what, cause, a_series()),
    )
    history.see(trouble)
    return write_subject(history.said[-1].alert).removeprefix(
        "[CRITICAL] practice/app: backup failed: "
    )


@pytest.mark.parametrize(
    ("code", "what", "said"),
    [
        ("ORC-300", f"{PLACE} cannot be reached", "destination local cannot be reached [ORC-300]"),
        (
            "ORC-303",
            f"the marker of {PLACE} is not there",
            "the marker of destination 'local' is not there",
        ),
        (
            "ORC-201",
            "database 'app' at 127.0.0.1:5432 is away",
            "server 127.0.0.1:5432 is away [ORC-201]",
        ),
    ],
)
def test_a_subject_is_cut_at_its_beginning_alone(code: str, what: str, said: str):
    assert subject_of(code, what) == said
