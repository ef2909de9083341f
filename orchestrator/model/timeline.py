"""What interrupts the timeline of a series: pauses that people ask for, and slots that passed."""

from dataclasses import dataclass
from datetime import datetime

from orchestrator.model.names import PolicyName, ScheduleName, Series
from orchestrator.model.run import Actor


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """Nothing is taken for a policy from ``since`` to ``until``; its promises go on."""

    policy: PolicyName
    since: datetime
    until: datetime
    by: Actor


@dataclass(frozen=True, slots=True, kw_only=True)
class MissedSlots:
    """Slots of one schedule of one series that passed without a backup, and stay without one.

    ``first`` and ``last`` are the slots at both ends, ``count`` is how many there are. A count
    that is ``at_least`` so high was not taken further. ``counted_from`` is the last slot that had
    been recorded when these were found, or None.
    """

    series: Series
    schedule: ScheduleName
    counted_from: datetime | None
    first: datetime
    last: datetime
    count: int
    at_least: bool = False
