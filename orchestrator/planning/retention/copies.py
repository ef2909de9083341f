"""A copy as retention sees it: when it was taken, whether it counts, and where on the calendar."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum
from zoneinfo import ZoneInfo

from orchestrator.model.backup import Backup, Copy, CopyState
from orchestrator.model.marks import Hold
from orchestrator.model.names import BackupId, DestinationName
from orchestrator.model.policy import Retention, Tier
from orchestrator.model.verification import Level
from orchestrator.planning.retention.buckets import Bucket, buckets_of

VERIFIED = Level.OBJECTS


class Standing(Enum):
    """Whether a copy counts for the rules (design §7, "Words")."""

    ELIGIBLE = "eligible"
    """Complete, not failed verification, not suspicious."""
    SUSPICIOUS = "suspicious"
    """A guard fired for its backup, and nobody acknowledged it."""
    DAMAGED = "damaged"
    """Its last verification failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionRules:
    """What a policy declares about keeping, and the zone whose calendar it means."""

    retention: Retention
    zone: ZoneInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class RatedCopy:
    """One copy at one destination. ``verified`` means read back: level `objects` or higher."""

    id: BackupId
    at: datetime
    standing: Standing
    verified: bool
    holds: tuple[Hold, ...] = ()
    buckets: Mapping[Tier, Bucket] = field(repr=False, compare=False)

    @property
    def order(self) -> tuple[datetime, BackupId]:
        """From old to new; of two with equal times the greater id counts as the newer one."""
        return self.at, self.id

    @property
    def rank(self) -> tuple[bool, datetime, BackupId]:
        """Who represents a bucket: the newest, but no unverified one before a verified one."""
        return self.verified, self.at, self.id

    def as_whole(self) -> "RatedCopy":
        """Return this damaged copy as it would be if its verification had passed."""
        return replace(self, standing=Standing.ELIGIBLE, verified=True)


def find_copy(backup: Backup, destination: DestinationName) -> Copy | None:
    """Return the copy of a backup at a destination, or None."""
    return next((copy for copy in backup.copies if copy.destination == destination), None)


def rate_copy(backup: Backup, copy: Copy, rules: RetentionRules) -> RatedCopy:
    """Return a copy as retention sees it.

    Suspicion outweighs damage: whole or not, a suspicious backup does not count.
    """
    is_complete = copy.state is CopyState.COMPLETE
    whole = Standing.ELIGIBLE if is_complete else Standing.DAMAGED
    return RatedCopy(
        id=backup.id,
        at=backup.snapshot_at,
        standing=Standing.SUSPICIOUS if backup.is_suspicious else whole,
        verified=is_complete and copy.level is not None and copy.level >= VERIFIED,
        holds=backup.holds,
        buckets=buckets_of(backup.snapshot_at, rules.retention.tiers, rules.zone),
    )
