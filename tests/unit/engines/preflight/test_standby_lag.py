from datetime import timedelta

import pytest

from orchestrator.engines.postgres.backup.refusals.standby import (
    Standby,
    caution_of,
    refuse_lag,
)
from orchestrator.errors import StandbyBehindError

ALLOWED = timedelta(minutes=5)
DAY = 24 * 60


def a_standby(
    *,
    is_receiving: bool = True,
    heard_seconds: float | None = 1,
    has_replayed_all: bool = True,
    minutes: int | None = 60,
    timeout_seconds: int = 60,
) -> Standby:
    return Standby(
        role="the backup",
        is_receiving=is_receiving,
        heard_ago=None if heard_seconds is None else timedelta(seconds=heard_seconds),
        has_replayed_all=has_replayed_all,
        replayed_ago=None if minutes is None else timedelta(minutes=minutes),
        feedback=True,
        receiver_timeout=timedelta(seconds=timeout_seconds),
    )


ORPHANED = a_standby(is_receiving=False, heard_seconds=None)


def refusal(standby: Standby, allowed: timedelta = ALLOWED) -> StandbyBehindError:
    with pytest.raises(StandbyBehindError) as caught:
        refuse_lag(standby, allowed=allowed)
    return caught.value


def test_a_standby_that_has_replayed_all_that_comes_in_is_fresh_however_quiet_its_primary():
    refuse_lag(a_standby(minutes=DAY), allowed=ALLOWED)
    refuse_lag(a_standby(minutes=None), allowed=ALLOWED)


@pytest.mark.parametrize("standby", [a_standby(has_replayed_all=False), ORPHANED])
def test_a_standby_that_does_not_follow_is_refused_with_how_far_it_is_behind(standby: Standby):
    assert "3600 s behind" in refusal(standby).what
    refuse_lag(standby, allowed=timedelta(hours=2))


def test_a_primary_is_not_refused():
    refuse_lag(None, allowed=ALLOWED)


def test_a_standby_that_cannot_tell_is_refused_whatever_is_allowed():
    orphaned = a_standby(is_receiving=False, heard_seconds=None, minutes=None)
    error = refusal(orphaned, timedelta(days=365))
    assert "cannot tell how far it is behind its primary (it receives nothing from" in error.what
    assert "primary_conninfo" in error.next_step
    assert (
        "it has not replayed all" in refusal(a_standby(has_replayed_all=False, minutes=None)).what
    )


def test_a_receiver_that_has_heard_nothing_for_long_is_no_sign_of_being_fresh():
    error = refusal(a_standby(heard_seconds=400, minutes=DAY, timeout_seconds=0))
    assert "may be 400 s behind its primary (nothing has come from there since)" in error.what
    assert "SET wal_receiver_timeout = '300000ms'" in error.next_step
    silent = refusal(a_standby(heard_seconds=400, minutes=DAY))
    assert "wal_receiver_timeout" not in silent.next_step
    refuse_lag(a_standby(heard_seconds=400, minutes=1), allowed=ALLOWED)


def test_a_role_that_may_not_see_the_receiver_gets_the_grant_as_sql():
    error = refusal(a_standby(heard_seconds=None))
    assert "'the backup' may not see when it heard from there" in error.what
    assert 'GRANT pg_read_all_stats TO "the backup";' in error.next_step
    refuse_lag(a_standby(heard_seconds=None, minutes=4), allowed=ALLOWED)


def test_a_standby_that_receives_nothing_is_cautioned_of_before_it_is_refused():
    fresh = a_standby(is_receiving=False, heard_seconds=None, minutes=1)
    refuse_lag(fresh, allowed=ALLOWED)
    (caution,) = caution_of(fresh)
    assert "receives nothing from its primary" in caution
    assert "60 s old already" in caution
    assert caution_of(a_standby()) == caution_of(None) == ()
