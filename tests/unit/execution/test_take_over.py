"""When a lease may be taken over: when its time has passed, or its holder is dead (design §7; F02)."""

import random
from datetime import datetime, timedelta

import pytest

from orchestrator.execution.lease.take_over import holder_is_gone
from tests.support.builders import a_lease, an_actor, utc
from tests.unit.execution.world import FakeMachine

END = utc("2026-06-01T02:30")
EARLIER, AT_ITS_END = END - timedelta(microseconds=1), END


@pytest.mark.parametrize(
    ("now", "is_dead", "expected"),
    [
        (EARLIER, False, False),
        (EARLIER, True, True),
        (AT_ITS_END, False, True),
        (AT_ITS_END, True, True),
    ],
)
def test_a_lease_is_free_when_its_time_has_passed_or_its_holder_is_dead(
    *, now: datetime, is_dead: bool, expected: bool
):
    lease = a_lease(END)
    machine = FakeMachine(
        an_actor(), gone={lease.holder.process} if is_dead else set(), seed=random.Random(1)
    )
    assert holder_is_gone(lease, machine, now) is expected
