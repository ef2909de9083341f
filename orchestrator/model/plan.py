"""The plan: what would make reality match the policies now, and what is left alone, and why."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from zoneinfo import ZoneInfo

from orchestrator.model.actions import Action
from orchestrator.model.backup import Slot
from orchestrator.model.names import Series
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
    EXPIRED = "expired"
    """No rule keeps copies any more, and they wait for the end of ``prune_delay``."""
    PRUNE_REFUSED = "prune_refused"
    """No rule keeps copies any more, and a guard stands in the way."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The actions of one pass in the order of execution, what is skipped, and what comes next.

    Empty ``actions`` mean that reality matches the policies. ``missed`` are the slots that nobody
    recorded as missed yet; whoever executes the plan does.
    """

    observed_at: datetime
    revision: Revision
    revision_is_new: bool
    actions: tuple[Action, ...]
    skipped: tuple[Skipped, ...]
    timetables: tuple[Timetable, ...]
    missed: tuple[MissedSlots, ...] = ()
