"""A copy as retention sees it: when it was taken, whether it counts, and where on the calendar."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import NamedTuple, overload
from zoneinfo import ZoneInfo

from orchestrator.model.backup import Backup, BackupOutline, Copy, CopyOutline, CopyState
from orchestrator.model.marks import Hold
from orchestrator.model.names import BackupId, DestinationName
from orchestrator.model.policy import Retention
from orchestrator.model.verification import Level

VERIFIED = Level.OBJECTS


class Standing(Enum):
    """Whether a copy counts for the rules (design §7, "Words")."""

    ELIGIBLE = "eligible"
    """Complete, not failed verification, not suspicious."""
    SUSPICIOUS = "suspicious"
    """A guard fired for its backup, and nobody acknowledged it."""
    DAMAGED = "damaged"
    """Its last verification failed."""
    SAFETY = "safety copy"
    """It is what a restore replaced, and there is something else that counts (docs/adr/0015)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionRules:
    """What a policy declares about keeping, and the zone whose calendar it means."""

    retention: Retention
    zone: ZoneInfo


class RatedCopy(NamedTuple):
    """One copy at one destination. ``verified`` means read back: level `objects` or higher.

    ``local`` is ``at`` on the policy's calendar, ``sequence`` the number of its backup, which no
    clock can change. A plan makes one of every copy that there is, which is why this is a tuple: it
    costs a third of what a frozen dataclass does.
    """

    id: BackupId
    at: datetime
    local: datetime
    sequence: int
    standing: Standing
    verified: bool
    holds: tuple[Hold, ...] = ()
    is_safety_copy: bool = False

    @property
    def order(self) -> tuple[datetime, BackupId]:
        """From old to new; of two with equal times the greater id counts as the newer one."""
        return self.at, self.id

    @property
    def turn(self) -> tuple[int, datetime, BackupId]:
        """From the one taken first to the one taken last, whatever the clock said."""
        return self.sequence, self.at, self.id

    @property
    def rank(self) -> tuple[bool, datetime, BackupId]:
        """Who represents a bucket: the newest, but no unverified one before a verified one."""
        return self.verified, self.at, self.id

    def as_eligible(self) -> "RatedCopy":
        """Return this safety copy as it counts where nothing else does."""
        return self._replace(standing=Standing.ELIGIBLE)

    def as_whole(self) -> "RatedCopy":
        """Return this damaged copy as it would be if its verification had passed."""
        return self._replace(standing=Standing.ELIGIBLE, verified=True)


@overload
def find_copy(backup: Backup, destination: DestinationName) -> Copy | None: ...
@overload
def find_copy(backup: BackupOutline, destination: DestinationName) -> CopyOutline | None: ...
def find_copy(backup: BackupOutline, destination: DestinationName) -> CopyOutline | None:
    """Return the copy of a backup at a destination, or None."""
    for copy in backup.copies:
        if copy.destination == destination:
            return copy
    return None


def rate_copy(backup: BackupOutline, copy: CopyOutline, rules: RetentionRules) -> RatedCopy:
    """Return a copy as retention sees it, if there are others.

    Suspicion outweighs damage: whole or not, a suspicious backup does not count.
    """
    is_complete = copy.state is CopyState.COMPLETE
    whole = Standing.SAFETY if backup.is_safety_copy else Standing.ELIGIBLE
    whole = whole if is_complete else Standing.DAMAGED
    return RatedCopy(
        id=backup.id,
        at=backup.snapshot_at,
        sequence=backup.sequence,
        standing=Standing.SUSPICIOUS if backup.is_suspicious else whole,
        verified=is_complete and copy.level is not None and copy.level >= VERIFIED,
        holds=backup.holds,
        local=backup.snapshot_at.astimezone(rules.zone),
        is_safety_copy=backup.is_safety_copy,
    )
