"""Incidents as the catalog remembers them, and the outbox of what is said about them (design §9)."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum

from orchestrator.model.alert import Alert, Cause
from orchestrator.model.names import BackupId, ChannelName, DestinationName, Series
from orchestrator.model.run import Actor, ErrorReport, LogEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """One cause of trouble, from first alert to its end, as one channel has been told of it.

    ``series`` are those that the last message named, sorted. ``told_at`` is when the last message
    was written, ``told_before`` when those were that came before it, as far as they still matter,
    oldest first. ``reopened`` counts how often it came back shortly after its recovery had been
    told. ``gone_since`` is since when the trouble is not seen any more, or None while it lasts;
    ``recovered_at`` is when the incident was closed, told or not, or None while it is open.
    ``version`` grows with each change. Times are aware UTC.
    """

    cause: Cause
    channel: ChannelName
    opened_at: datetime
    since: datetime
    series: tuple[Series, ...]
    error: ErrorReport
    told_at: datetime
    told_before: tuple[datetime, ...] = ()
    reopened: int = 0
    gone_since: datetime | None = None
    recovered_at: datetime | None = None
    version: int = 1

    @property
    def is_open(self) -> bool:
        """Whether it has not been closed yet."""
        return self.recovered_at is None


class MessageState(Enum):
    """Where a message of the outbox stands."""

    QUEUED = "queued"
    """It waits for its next attempt."""
    SENDING = "sending"
    """Some process is handing it to its channel, until its claim ends."""
    SENT = "sent"
    """The channel took it."""
    GIVEN_UP = "given_up"
    """It cannot be delivered any more, because its channel is not declared any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One alert on its way to one channel.

    ``about`` is the cause of its incident; what the alert names may be narrower. ``claimed_by``
    sends it now, at the longest until ``claimed_until``. ``answer`` is what the transport said
    last, without secrets. ``ended_at`` is when it was sent or given up. ``version`` grows with
    each change.
    """

    id: str
    about: Cause
    channel: ChannelName
    alert: Alert
    created_at: datetime
    next_attempt_at: datetime
    state: MessageState = MessageState.QUEUED
    attempts: int = 0
    claimed_by: Actor | None = None
    claimed_until: datetime | None = None
    answer: str = ""
    ended_at: datetime | None = None
    version: int = 1

    @property
    def is_delivered(self) -> bool:
        """Whether nothing more is to be done with it."""
        return self.state in (MessageState.SENT, MessageState.GIVEN_UP)

    def claimed(self, by: Actor, until: datetime) -> "Message":
        """Return it as it is while somebody sends it."""
        return replace(
            self,
            state=MessageState.SENDING,
            attempts=self.attempts + 1,
            claimed_by=by,
            claimed_until=until,
            version=self.version + 1,
        )

    def ended(self, state: MessageState, answer: str, at: datetime) -> "Message":
        """Return it as sent or given up at that time."""
        return replace(
            self,
            state=state,
            answer=answer,
            ended_at=at,
            claimed_by=None,
            claimed_until=None,
            version=self.version + 1,
        )

    def put_off(self, answer: str, until: datetime) -> "Message":
        """Return it as queued for its next attempt after one that failed."""
        return replace(
            self,
            state=MessageState.QUEUED,
            answer=answer,
            next_attempt_at=until,
            claimed_by=None,
            claimed_until=None,
            version=self.version + 1,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentChange:
    """What becomes of an incident, and what is said about it: recorded together, or not at all.

    ``before`` is the incident as it was read, or None if there was none. A digest is a message
    without an incident: ``after`` is None, too. ``entry`` goes into the log with it.
    """

    before: Incident | None
    after: Incident | None
    message: Message | None = None
    entry: LogEntry | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Setback:
    """An action that failed and left no attempt behind that would say so, such as a verification.

    ``action`` is the stable name of its kind, ``about`` what it was done to: a destination's name,
    or nothing. ``since`` is when it first failed without a success in between.
    """

    series: Series
    action: str
    about: str
    error: ErrorReport
    since: datetime

    @property
    def key(self) -> tuple[Series, str, str]:
        """What tells it from others."""
        return self.series, self.action, self.about


@dataclass(frozen=True, slots=True, kw_only=True)
class DamagedCopy:
    """A copy that a verification found damaged, and what was wrong with it."""

    series: Series
    backup: BackupId
    destination: DestinationName
    found_at: datetime | None
    trouble: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UncoveredTables:
    """The tables of a series that no pattern named when its newest backup was taken."""

    series: Series
    tables: tuple[str, ...]
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesTotals:
    """Sums over the backups of a series: those listed, and those taken in a period.

    Bytes are those of stored objects; ``new_bytes`` counts what the backups of the period added.
    ``oldest`` is the snapshot of the oldest listed backup that has a complete copy, or None.
    """

    series: Series
    listed: int
    taken: int
    new_bytes: int
    oldest: datetime | None
