from datetime import timedelta

import pytest

from orchestrator.engines.postgres.backup.refusals.standby import Standby, refuse_lag
from orchestrator.errors import StandbyBehindError

ALLOWED = timedelta(minutes=5)


def a_standby(
    *, is_receiving: bool = True, has_replayed_all: bool = True, minutes: int | None = 60
) -> Standby:
    ago = None if minutes is None else timedelta(minutes=minutes)
    return Standby(
        is_receiving=is_receiving,
        has_replayed_all=has_replayed_all,
        replayed_ago=ago,
        feedback=True,
    )


def test_a_standby_that_has_replayed_all_that_comes_in_is_fresh_however_quiet_its_primary():
    refuse_lag(a_standby(minutes=60 * 24), allowed=ALLOWED)


@pytest.mark.parametrize(
    "standby", [a_standby(has_replayed_all=False), a_standby(is_receiving=False)]
)
def test_a_standby_that_does_not_follow_is_refused_with_how_far_it_is_behind(standby: Standby):
    with pytest.raises(StandbyBehindError, match="3600 s behind"):
        refuse_lag(standby, allowed=ALLOWED)
    refuse_lag(standby, allowed=timedelta(hours=2))


def test_a_primary_and_a_standby_that_cannot_tell_are_not_refused():
    refuse_lag(None, allowed=ALLOWED)
    refuse_lag(a_standby(has_replayed_all=False, minutes=None), allowed=ALLOWED)
