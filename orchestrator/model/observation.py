"""What was seen before planning, taken at one ``now``."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from orchestrator.model.backup import Backup
from orchestrator.model.lease import Lease
from orchestrator.model.names import PolicyName, ScheduleName, Series
from orchestrator.model.run import Run


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseObservation:
    """A lease that nobody released.

    ``holder_is_gone`` is true when its holder is a process of this host that no longer runs, or
    its time has passed: the run may be taken over.
    """

    lease: Lease
    holder_is_gone: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesObservation:
    """What is known of one series.

    ``newest`` is the newest backup that has a complete copy; ``backups`` counts all that the catalog
    lists. ``last_failure`` is the latest attempt if it failed or was interrupted, else None.
    """

    series: Series
    newest: Backup | None
    last_failure: Run | None
    lease: LeaseObservation | None
    backups: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """Everything that a plan is made from, besides the policies.

    ``schedules_since`` says when each schedule, in its present form, was first applied: slots
    before that time are nobody's promise. A schedule that is missing was never applied.
    ``applied_revision`` is the digest of the revision applied last, or None.
    """

    now: datetime
    series: Mapping[Series, SeriesObservation]
    schedules_since: Mapping[tuple[PolicyName, ScheduleName, str, str], datetime]
    applied_revision: str | None
