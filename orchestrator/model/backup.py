"""A backup that exists: what the catalog remembers of it, and of its copies."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from orchestrator.model.names import BackupId, DestinationName, RunId, ScheduleName, Series
from orchestrator.model.verification import Level


@dataclass(frozen=True, slots=True, order=True)
class Slot:
    """One due time of one schedule; ``at`` is aware UTC."""

    at: datetime
    schedule: ScheduleName


class Trigger(Enum):
    """What made a run start."""

    FIRST = "first"
    SCHEDULE = "schedule"
    MANUAL = "manual"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReason:
    """Why a backup was taken: the trigger, and the slots that it answers."""

    trigger: Trigger
    slots: tuple[Slot, ...] = ()

    def __str__(self) -> str:
        if self.trigger is not Trigger.SCHEDULE:
            return {Trigger.FIRST: "first backup of the series", Trigger.MANUAL: "by hand"}[
                self.trigger
            ]
        return "due: " + ", ".join(
            f"{slot.schedule} {slot.at:%Y-%m-%dT%H:%MZ}" for slot in self.slots
        )


class CopyState(Enum):
    """What is known of a copy."""

    COMPLETE = "complete"
    """All objects were there when it was written or last verified."""
    DAMAGED = "damaged"
    """The last verification found something missing or wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """A backup as present at one destination.

    ``level`` is the highest level proved since it was written or last found damaged, or None.
    ``damage_level`` is the level of the verification that found it damaged, or None.
    """

    destination: DestinationName
    state: CopyState
    level: Level | None
    verified_at: datetime | None
    damage_level: Level | None = None
    trouble: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """The result of one successful run for one series.

    ``stored_bytes`` counts every object of the backup, shared chunks included; ``new_bytes`` only
    those that its run had to store. ``manifest_digest`` is the SHA-256 of the manifest's bytes.
    """

    id: BackupId
    series: Series
    path: str
    run: RunId
    snapshot_at: datetime
    finished_at: datetime
    reason: RunReason
    sequence: int
    fence: int
    revision: str
    git_commit: str | None
    manifest_digest: str
    tables: int
    rows: int
    text_bytes: int
    stored_bytes: int
    new_bytes: int
    copies: tuple[Copy, ...]

    @property
    def level(self) -> Level | None:
        """The highest level to which any copy has been proved, or None."""
        return max((copy.level for copy in self.copies if copy.level is not None), default=None)
