"""How much two clocks differ, where an answer takes its time (fault F69)."""

from datetime import datetime, timedelta

import pytest

from orchestrator.planning.clocks import ahead_of_ours
from tests.support.builders import utc

ASKED = utc("2026-11-22T02:00")
ANSWERED = ASKED + timedelta(minutes=20)


@pytest.mark.parametrize(
    ("says", "ahead"),
    [
        (ASKED, timedelta(0)),
        (ASKED + timedelta(minutes=7), timedelta(0)),
        (ANSWERED, timedelta(0)),
        (ANSWERED + timedelta(minutes=6), timedelta(minutes=6)),
        (ASKED - timedelta(minutes=6), -timedelta(minutes=6)),
    ],
)
def test_the_time_that_an_answer_took_is_no_difference(says: datetime, ahead: timedelta):
    assert ahead_of_ours(says, asked_at=ASKED, answered_at=ANSWERED) == ahead
