"""How far clocks may be trusted."""

from datetime import datetime, timedelta

CLOCK_TOLERANCE = timedelta(minutes=5)
"""How far clocks may differ before one of them counts as wrong (design §7)."""


def ahead_of_ours(says: datetime, *, asked_at: datetime, answered_at: datetime) -> timedelta:
    """Return how much later another clock was than ours, or as a negative time, how much earlier.

    ``says`` is its time, the others are ours. How long it took to answer says nothing of clocks.
    """
    if asked_at <= says <= answered_at:
        return timedelta(0)
    return says - (answered_at if says > answered_at else asked_at)
