"""What is remembered of pruning: copies that are gone, and objects that nothing names."""

from dataclasses import dataclass
from datetime import datetime

from orchestrator.model.actions import Upkeep
from orchestrator.model.names import BackupId, DestinationName, Series
from orchestrator.model.plan import Skipped


@dataclass(frozen=True, slots=True, kw_only=True)
class Tombstone:
    """A copy that was pruned, with the mark that it had. Times are aware UTC.

    ``expired_at`` is None for one that was erased on purpose, which no rule had anything to do with.
    """

    series: Series
    backup: BackupId
    destination: DestinationName
    snapshot_at: datetime
    expired_at: datetime | None
    beyond_normal_ageing: bool
    reason: str
    pruned_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectionState:
    """How far the collection of a series at a destination is.

    ``looked_at`` is when everything there was last looked at, or None; ``oldest_unreferenced`` is
    the earliest time at which an object that is still there was first seen without anything that
    names it, or None.
    """

    looked_at: datetime | None
    oldest_unreferenced: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class UpkeepPlan:
    """What is to be tidied up for one series, in order, and what is left alone, and why."""

    actions: tuple[Upkeep, ...] = ()
    skipped: tuple[Skipped, ...] = ()
