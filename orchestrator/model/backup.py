"""A backup that exists: what the catalog remembers of it, and of its copies."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from typing import Self, TypeVar

from typing_extensions import override

from orchestrator.model.marks import Acknowledgement, Hold, Mark, Release, Suspicion
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
    BEFORE_RESTORE = "before_restore"
    """A restore was about to replace what is in it (reference/postgres.md §1, rule 4)."""


_IN_WORDS = {
    Trigger.FIRST: "first backup of the series",
    Trigger.MANUAL: "by hand",
    Trigger.BEFORE_RESTORE: "safety copy before a restore",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReason:
    """Why a backup was taken: the trigger, and the slots that it answers."""

    trigger: Trigger
    slots: tuple[Slot, ...] = ()

    def __str__(self) -> str:
        if self.trigger is not Trigger.SCHEDULE:
            return _IN_WORDS[self.trigger]
        return "due: " + ", ".join(
            f"{slot.schedule} {slot.at:%Y-%m-%dT%H:%MZ}" for slot in self.slots
        )


class CopyState(Enum):
    """What is known of a copy."""

    COMPLETE = "complete"
    """All objects were there when it was written or last verified."""
    DAMAGED = "damaged"
    """The last verification found something missing or wrong."""
    PRUNING = "pruning"
    """Its removal has begun and is not confirmed: it may be whole, or half gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyOutline:
    """What retention and pruning ask about a copy.

    ``level`` is the highest level proved since it was written or last found damaged, or None.
    ``expired_at`` is when a pass found that no rule keeps it any more, or None; such a mark that is
    ``beyond_normal_ageing`` waits for `apply --allow-prune`. ``prune_refused_at`` is when the
    destination last refused to let go of it, or None.
    """

    destination: DestinationName
    state: CopyState
    level: Level | None
    expired_at: datetime | None = None
    beyond_normal_ageing: bool = False
    prune_refused_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy(CopyOutline):
    """A backup as present at one destination.

    ``damage_level`` is the level of the verification that found it damaged, or None.
    """

    verified_at: datetime | None
    damage_level: Level | None = None
    trouble: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupOutline:
    """What retention and pruning ask about a backup: of a million, nothing else is read.

    ``holds`` are those that were not released, in the order of their ids; their time may have passed.
    ``outlined_as_safety_copy`` is for `is_safety_copy` alone, where no reason of the run was read.
    """

    id: BackupId
    series: Series
    snapshot_at: datetime
    finished_at: datetime
    sequence: int
    copies: tuple[CopyOutline, ...]
    suspicion: Suspicion | None = None
    acknowledged: Acknowledgement | None = None
    holds: tuple[Hold, ...] = ()
    outlined_as_safety_copy: bool = False

    @property
    def is_safety_copy(self) -> bool:
        """Whether it holds what a restore replaced, which is what somebody did not want."""
        return self.outlined_as_safety_copy

    @property
    def position(self) -> tuple[int, datetime, BackupId]:
        """Where it stands in the order in which the backups of its series were taken.

        It is that of their numbers, which no clock can change (fault F69).
        """
        return self.sequence, self.snapshot_at, self.id

    @property
    def is_suspicious(self) -> bool:
        """Whether a guard fired and nobody acknowledged (design §7, "Words")."""
        return self.suspicion is not None and self.acknowledged is None

    def marked(self, marks: Iterable[Mark]) -> Self:
        """Return this backup as all of its marks say, in whatever order; the first of a kind counts."""
        ordered = sorted(marks, key=lambda mark: (mark.at, mark.name))
        released = {mark.hold for mark in ordered if isinstance(mark, Release)}
        holds = [mark for mark in ordered if isinstance(mark, Hold) and mark.id not in released]
        return replace(
            self,
            suspicion=next((mark for mark in ordered if isinstance(mark, Suspicion)), None),
            acknowledged=next(
                (mark for mark in ordered if isinstance(mark, Acknowledgement)), None
            ),
            holds=tuple(sorted(holds, key=lambda hold: hold.id)),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup(BackupOutline):
    """The result of one successful run for one series.

    ``stored_bytes`` counts every object of the backup, shared chunks included; ``new_bytes`` only
    those that its run had to store. ``manifest_digest`` is the SHA-256 of the manifest's bytes.
    """

    path: str
    run: RunId
    reason: RunReason
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

    @property
    @override
    def is_safety_copy(self) -> bool:
        return self.reason.trigger is Trigger.BEFORE_RESTORE

    @property
    def marks(self) -> tuple[Mark, ...]:
        """The marks that say what is true of it now: what was released is not among them."""
        single = (self.suspicion, self.acknowledged)
        return (*(mark for mark in single if mark is not None), *self.holds)

    def is_held(self, now: datetime) -> bool:
        """Whether a hold keeps it at that time."""
        return any(hold.is_in_force(now) for hold in self.holds)


AnyBackup = TypeVar("AnyBackup", bound=BackupOutline)
"""A backup in outline or in full: who is given either gives back the same."""
