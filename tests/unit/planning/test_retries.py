"""When a failed attempt is made again (design §7, "Due."; faults F01, F44, F69)."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.model.run import Run, RunState
from orchestrator.planning.retries import REFUSED_LOGINS, find_rest, jittered, wait_after
from tests.support.builders import a_run, an_error_report, utc

NOW = utc("2026-06-01T12:00")
MINUTE = timedelta(minutes=1)


def failed(at: datetime, code: str = "ORC-201") -> Run:
    return a_run(at, state=RunState.FAILED, error=an_error_report(code))


def killed(at: datetime) -> Run:
    return a_run(at, state=RunState.INTERRUPTED)


def test_the_wait_doubles_up_to_half_an_hour():
    minutes = [wait_after(count) // MINUTE for count in (1, 2, 3, 4, 5, 6, 7, 1000)]
    assert minutes == [1, 2, 4, 8, 16, 30, 30, 30]


@given(st.integers(1, 50), st.text())
def test_jitter_moves_a_wait_by_a_fifth_at_most_and_is_the_same_each_time(count: int, seed: str):
    wait = wait_after(count)
    moved = jittered(wait, seed)
    assert 0.8 * wait <= moved <= 1.2 * wait
    assert jittered(wait, seed) == moved


def test_jitter_parts_series_that_failed_together():
    waits = {jittered(wait_after(6), f"practice/{number}") for number in range(50)}
    assert len(waits) == 50
    assert max(waits) - min(waits) > 8 * MINUTE


def test_nothing_rests_that_did_not_fail():
    assert find_rest([], "seed", now=NOW) is None


def test_a_failure_rests_from_its_end_for_a_minute_or_so():
    # The run of the builder takes a minute.
    assert find_rest([failed(NOW - 4 * MINUTE)], "seed", now=NOW) is None
    rest = find_rest([failed(NOW - MINUTE)], "seed", now=NOW)
    assert rest is not None
    assert rest.until is not None
    assert NOW + 0.8 * MINUTE <= rest.until <= NOW + 1.3 * MINUTE
    assert "the next try is at 2026-06-01T12:0" in rest.reason
    assert find_rest([failed(NOW - MINUTE)], "seed", now=rest.until) is None


def test_each_further_failure_rests_longer():
    ends = []
    for count in range(1, 8):
        rest = find_rest([failed(NOW - MINUTE)] * count, "seed", now=NOW)
        assert rest is not None
        assert rest.until is not None
        ends.append(rest.until)
    assert ends[:5] == sorted(set(ends[:5]))
    assert max(ends) <= NOW + 37 * MINUTE


def test_an_attempt_that_was_killed_once_is_made_again_at_once():
    assert find_rest([killed(NOW - MINUTE)], "seed", now=NOW) is None
    assert find_rest([failed(NOW - 2 * MINUTE), killed(NOW - MINUTE)], "seed", now=NOW) is None


def test_attempts_that_are_killed_again_and_again_rest():
    assert find_rest([killed(NOW - 2 * MINUTE), killed(NOW - MINUTE)], "seed", now=NOW) is not None


@pytest.mark.parametrize("hours", [1, 24])
def test_refused_logins_are_not_tried_a_third_time(hours: int):
    once = [failed(NOW - hours * 60 * MINUTE, "ORC-202")]
    assert find_rest(once, "seed", now=NOW) is None
    rest = find_rest(once * REFUSED_LOGINS, "seed", now=NOW)
    assert rest is not None
    assert rest.until is None
    assert "lock the account" in rest.reason


def test_failures_from_the_future_do_not_count():
    assert find_rest([failed(NOW + timedelta(days=365))], "seed", now=NOW) is None
    ends_later = failed(NOW - timedelta(seconds=10))
    rest = find_rest([ends_later], "seed", now=NOW)
    assert rest is not None
    assert rest.until is not None
    assert rest.until <= NOW + 1.3 * MINUTE
