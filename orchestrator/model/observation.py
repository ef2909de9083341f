"""What was seen before planning, taken at one ``now``."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from orchestrator.model.backup import Backup
from orchestrator.model.lease import Lease
from orchestrator.model.names import PolicyName, ScheduleName, Series
from orchestrator.model.pruning import UpkeepPlan
from orchestrator.model.run import Run
from orchestrator.model.timeline import Pause


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

    ``newest`` is the newest backup that has a complete copy, ``unsuspicious`` the newest of those
    that no guard doubts, or None if that cannot be told; ``backups`` counts all that the catalog
    lists. ``failures`` are the attempts that failed or were interrupted since one succeeded, oldest
    first. ``pause`` is the policy's, also when its time has passed. ``missed_until`` is, by schedule,
    the last slot that was recorded as missed. ``marked`` are the backups that have holds, or are
    suspicious and unanswered, oldest first. ``upkeep`` is decided while the backups of the series are
    at hand: those of all series at once would not fit into memory (design §10).
    """

    series: Series
    newest: Backup | None
    lease: LeaseObservation | None
    backups: int
    failures: tuple[Run, ...] = ()
    pause: Pause | None = None
    missed_until: Mapping[ScheduleName, datetime] = field(default_factory=dict)
    marked: tuple[Backup, ...] = ()
    unsuspicious: Backup | None = None
    upkeep: UpkeepPlan = field(default_factory=UpkeepPlan)

    @property
    def last_failure(self) -> Run | None:
        """The latest attempt that ended, if it failed or was interrupted, else None."""
        return self.failures[-1] if self.failures else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """Everything that a plan is made from, besides the policies.

    ``schedules_since`` says when each schedule, in its present form, was first applied: slots
    before that time are nobody's promise. A schedule that is missing was never applied.
    ``applied_revision`` is the digest of the revision applied last, or None. ``retired`` are the
    leases of series that no policy file names any more, by series.
    """

    now: datetime
    series: Mapping[Series, SeriesObservation]
    schedules_since: Mapping[tuple[PolicyName, ScheduleName, str, str], datetime]
    applied_revision: str | None
    retired: tuple[LeaseObservation, ...] = ()
