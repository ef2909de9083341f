"""What somebody is told, why, and what came of telling them (design §9)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from orchestrator.model.names import ChannelName, Series
from orchestrator.model.policy import Event
from orchestrator.model.run import ErrorReport


class AlertKind(Enum):
    """Which part of an incident's story a message tells."""

    OPENED = "opened"
    """Something is wrong that was not known before."""
    REMINDER = "reminder"
    """It is still wrong, or has grown since it was told."""
    RECOVERED = "recovered"
    """It is right again."""
    UNWATCHED = "unwatched"
    """Nobody looks at it any more, as the policies say now: nothing was mended."""
    DIGEST = "digest"
    """A summary at a fixed time: nothing happened but time."""
    TEST = "test"
    """Somebody asked whether the channel works."""


@dataclass(frozen=True, slots=True)
class Cause:
    """What an incident is about: a kind of event, and the one thing that it happens to.

    ``subject`` is said to people and compared by the program: ``practice/app``,
    ``destination local``, ``server db:5432``, ``channel ops`` or ``the policy files``. Troubles
    of equal cause are one incident, however many series they hit.
    """

    event: Event
    subject: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """One thing that is wrong now, as it follows from what was observed.

    ``series`` are those that it hits, sorted; none where it hits no series. ``since`` is when it
    began, as far as is known. ``next_command`` is what to type next. ``also`` are events that
    follow from it and are no incidents of their own: who wants to hear of one of them hears of it.
    ``short`` is what happened in a few words, for a subject; None: those of the error. ``facts``
    are further lines of a message, as label and text. ``found`` are single findings, where there
    are several, and when each was found first.
    """

    cause: Cause
    series: tuple[Series, ...]
    since: datetime
    error: ErrorReport
    next_command: str
    also: frozenset[Event] = frozenset()
    short: str | None = None
    facts: tuple[tuple[str, str], ...] = ()
    found: tuple[tuple[str, datetime], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One message, ready to be put into words.

    ``at`` is when it was written, ``since`` when the trouble began. ``last_good`` says for each
    series something such as "20261122T020000Z-7f3a9c, 4 h old, verified to content" or "none: this
    series has never had a backup". ``facts`` are further lines, as label and text, in order.
    ``short`` is what happened in a few words, for the subject; None: those of the error.
    """

    kind: AlertKind
    cause: Cause
    series: tuple[Series, ...]
    at: datetime
    since: datetime
    error: ErrorReport
    next_command: str
    last_good: Mapping[Series, str] = field(default_factory=dict)
    facts: tuple[tuple[str, str], ...] = ()
    short: str | None = None


class DeliveryState(Enum):
    """What the transport of a channel answered."""

    SENT = "sent"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What came of one alert on one channel; ``answer`` is the transport's, without secrets."""

    channel: ChannelName
    state: DeliveryState
    answer: str
