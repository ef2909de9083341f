"""The plan: what would make reality match the policies now, and what is left alone, and why."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from zoneinfo import ZoneInfo

from orchestrator.model.actions import Action
from orchestrator.model.backup import Slot
from orchestrator.model.names import Series
from orchestrator.model.policy import Revision


class SkipKind(Enum):
    """Why nothing is done about something."""

    NOT_DUE = "not_due"
    """The newest slot has its backup."""
    LOCKED = "locked"
    """Another run is at work on the series."""
    MISSED = "missed"
    """A slot passed without a backup and is too old to catch up on."""
    RETENTION = "retention"
    """Retention is shown as labels; pruning is not supported yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """Something that is not done in this pass, with the reason."""

    series: Series
    kind: SkipKind
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Timetable:
    """The coming slots of one series, in order; ``zone`` is the policy's."""

    series: Series
    zone: ZoneInfo
    next_slots: tuple[Slot, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The actions of one pass in the order of execution, what is skipped, and what comes next.

    Empty ``actions`` mean that reality matches the policies.
    """

    observed_at: datetime
    revision: Revision
    revision_is_new: bool
    actions: tuple[Action, ...]
    skipped: tuple[Skipped, ...]
    timetables: tuple[Timetable, ...]
