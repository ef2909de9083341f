"""The plan: what would make reality match the policies now, and what is left alone, and why."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from zoneinfo import ZoneInfo

from orchestrator.model.actions import Action
from orchestrator.model.backup import Slot
from orchestrator.model.names import DestinationName, PolicyName, Series
from orchestrator.model.policy import Revision
from orchestrator.model.timeline import MissedSlots


class Retry(Enum):
    """When a failed attempt is made again: what a person wants differs from what a loop may do."""

    AT_ONCE = "at_once"
    """Whoever asks for a pass wants it now."""
    BACK_OFF = "back_off"
    """Longer and longer after each failure, and with wrong credentials hardly at all."""


class SkipKind(Enum):
    """Why nothing is done about something."""

    NOT_DUE = "not_due"
    """The newest slot has its backup."""
    LOCKED = "locked"
    """Another run is at work on the series."""
    MISSED = "missed"
    """A slot passed without a backup and is too old to catch up on."""
    BACKING_OFF = "backing_off"
    """Attempts failed, and the next one is not due yet."""
    PAUSED = "paused"
    """Somebody paused the policy."""
    GONE = "gone"
    """A pattern stood for the database, and the server has it no more."""
    EXPIRED = "expired"
    """No rule keeps copies any more, and they wait for the end of ``prune_delay``."""
    PRUNE_REFUSED = "prune_refused"
    """No rule keeps copies any more, and a guard stands in the way."""
    RENAME_REFUSED = "rename_refused"
    """A policy cannot carry on the backups of its former name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """Something that is not done in this pass, with the reason.

    ``until`` is when the reason ends by itself, where that is known.
    """

    series: Series
    kind: SkipKind
    reason: str
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Timetable:
    """The coming slots of one series, in order; ``zone`` is the policy's."""

    series: Series
    zone: ZoneInfo
    next_slots: tuple[Slot, ...]


class ChangeKind(Enum):
    """What became of a policy since it was applied last."""

    NEW = "new"
    """It was never applied."""
    BACK = "back"
    """It was gone from the files, and is there again."""
    CHANGED = "changed"
    RENAMED = "renamed"
    """It carries on the backups of another name, and may have changed besides."""
    GONE = "gone"
    """It is no longer in the files: its series are retired."""
    UNKNOWN = "unknown"
    """What was applied is not known: another version of this program did."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing in a policy that is not what was applied.

    ``key`` is its path in the policy file, such as ``retention.tiers.daily``. ``before`` and
    ``after`` are texts as a policy file has them; None where there is nothing.
    """

    key: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionEffect:
    """What a changed policy does to the copies of one series at one destination.

    ``expired`` are those that the rules applied last keep and the new ones do not, ``kept_again``
    the other way round. Sizes are the bytes that those backups store, chunks that others share
    counted with each. The oldest restore points are snapshot times, None where there is none.
    """

    series: Series
    destination: DestinationName
    expired: int
    expired_bytes: int
    kept_again: int
    kept_again_bytes: int
    oldest_before: datetime | None
    oldest_after: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyChange:
    """How a policy differs from what was applied last, and what that does to what is kept.

    ``renamed_from`` is the former name that its backups are carried over from, else None;
    ``notes`` are sentences about what no difference says.
    """

    policy: PolicyName
    kind: ChangeKind
    renamed_from: PolicyName | None = None
    differences: tuple[Difference, ...] = ()
    effects: tuple[RetentionEffect, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RetiredSeries:
    """A series that no policy names: nothing of it is ever pruned.

    ``rules`` are those that it was kept by last, in words, or None if nobody knows them.
    """

    series: Series
    backups: int
    stored_bytes: int
    rules: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The actions of one pass in the order of execution, what is skipped, and what comes next.

    Empty ``actions`` mean that reality matches the policies. ``missed`` are the slots that nobody
    recorded as missed yet; whoever executes the plan does. ``changes`` are the policies that are not
    as they were applied last, ``retired`` the series that no policy names.
    """

    observed_at: datetime
    revision: Revision
    revision_is_new: bool
    actions: tuple[Action, ...]
    skipped: tuple[Skipped, ...]
    timetables: tuple[Timetable, ...]
    missed: tuple[MissedSlots, ...] = ()
    changes: tuple[PolicyChange, ...] = ()
    retired: tuple[RetiredSeries, ...] = ()
