"""Marks: what is said of a backup after or beside it, in small objects that are never changed.

They lie at the destinations, so that they outlive the catalog (design §6). Taking one back is a
mark, too.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import NewType, TypeAlias

MarkId = NewType("MarkId", str)
"""Same shape as a backup id; the time is when the mark was made."""


class MarkKind(Enum):
    """What a mark says."""

    SUSPICION = "suspicion"
    ACKNOWLEDGEMENT = "acknowledgement"
    HOLD = "hold"
    RELEASE = "release"


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspicion:
    """A guard fired: the backup may hold less than it should. ``reasons`` is never empty."""

    at: datetime
    reasons: tuple[str, ...]

    @property
    def name(self) -> str:
        """The name of its object: a backup has at most one."""
        return MarkKind.SUSPICION.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledgement:
    """A human looked at a suspicious backup and found it right; ``who`` is ``user@host``."""

    id: MarkId
    at: datetime
    who: str
    reason: str

    @property
    def name(self) -> str:
        """The name of its object."""
        return f"{MarkKind.ACKNOWLEDGEMENT.value}-{self.id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Keeps a backup whatever the rules say, until a time or, with ``until`` None, for ever."""

    id: MarkId
    at: datetime
    who: str
    reason: str
    until: datetime | None

    @property
    def name(self) -> str:
        """The name of its object."""
        return f"{MarkKind.HOLD.value}-{self.id}"

    def is_in_force(self, now: datetime) -> bool:
        """Whether its time has not passed; a hold that was released is not listed any more."""
        return self.until is None or now < self.until


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """Takes the hold with the id ``hold`` back."""

    hold: MarkId
    at: datetime
    who: str

    @property
    def name(self) -> str:
        """The name of its object: a hold is released once."""
        return f"{MarkKind.RELEASE.value}-{self.hold}"


Mark: TypeAlias = Suspicion | Acknowledgement | Hold | Release
