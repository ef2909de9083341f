"""What users declare: policies, destinations, channels, settings (design §3)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum
from zoneinfo import ZoneInfo

from orchestrator.model.contents import TableName
from orchestrator.model.names import (
    ChannelName,
    DatabaseName,
    DestinationName,
    PolicyName,
    ScheduleName,
    Series,
)
from orchestrator.model.run import ErrorReport
from orchestrator.model.secret import Secret
from orchestrator.model.verification import Level

WARN_AT = 0.5
"""The part of ``max_duration`` after which somebody is told (reference/postgres.md §1, rule 12)."""


class Tier(Enum):
    """The calendar buckets of retention, from fine to coarse."""

    HOURLY = "hourly"
    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    YEARLY = "yearly"


class CalendarUnit(Enum):
    """Units of a retention window; months and years are calendar arithmetic, not seconds."""

    HOURS = "h"
    DAYS = "d"
    WEEKS = "w"
    MONTHS = "mo"
    YEARS = "y"


@dataclass(frozen=True, slots=True)
class Window:
    """How long a tier keeps, such as ``3mo``; the amount is at least 1."""

    amount: int
    unit: CalendarUnit

    def __str__(self) -> str:
        return f"{self.amount}{self.unit.value}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """When a backup is due: five cron fields, read in the policy's time zone."""

    name: ScheduleName
    cron: str
    catch_up: timedelta
    grace: timedelta


class OnUncovered(Enum):
    """What a table that no pattern names means."""

    ALERT = "alert"
    IGNORE = "ignore"
    FAIL = "fail"


@dataclass(frozen=True, slots=True, kw_only=True)
class TableSelection:
    """Which tables are backed up: ``schema.table`` patterns with ``*`` and ``?``, case-sensitive.

    An empty ``include`` means every table.
    """

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    on_uncovered: OnUncovered = OnUncovered.ALERT


MAX_STANDBY_LAG = timedelta(minutes=5)
"""How far a standby may be behind, unless the policy says otherwise (design §3 has no key for it)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundDatabases:
    """What a source's patterns stand for now, sorted.

    ``names`` are at the server, or were backed up before; ``gone`` are those of them that the
    server, asked just now, no longer has. ``trouble`` says why it could not be asked, or that
    nothing fits.
    """

    names: tuple[DatabaseName, ...] = ()
    gone: frozenset[DatabaseName] = frozenset()
    trouble: ErrorReport | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The server and databases that a policy backs up, and how gently.

    ``databases`` are those declared by name and, once they were looked for, those that ``found``
    says the ``patterns`` (``app_*``) stand for.
    """

    engine: str
    url: Secret
    restore_url: Secret
    databases: tuple[DatabaseName, ...]
    lock_timeout: timedelta
    stall_timeout: timedelta
    max_duration: timedelta
    yield_after: timedelta
    max_standby_lag: timedelta = MAX_STANDBY_LAG
    patterns: tuple[str, ...] = ()
    found: FoundDatabases = field(default_factory=FoundDatabases)


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How long backups are kept. Tiers are labels on one backup, not copies."""

    tiers: Mapping[Tier, Window]
    min_keep: int
    prune_delay: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """What makes a backup suspicious for the sake of one table, besides the usual guards.

    ``min_rows`` is the fewest rows that are right; ``max_drop`` the largest share of its rows, in
    percent, that the table may have lost since the last unsuspicious backup.
    """

    table: TableName
    min_rows: int | None = None
    max_drop: int | None = None


class Event(Enum):
    """What alerts can be about (design §9)."""

    FAILED = "failed"
    DEGRADED = "degraded"
    MISSED = "missed"
    LOW_STORAGE = "low_storage"
    CORRUPT = "corrupt"
    GUARD = "guard"
    UNCOVERED = "uncovered"
    POLICY_INVALID = "policy_invalid"
    DRILL_FAILED = "drill_failed"
    PRUNE_REFUSED = "prune_refused"
    CHANNEL_FAILING = "channel_failing"
    RECOVERED = "recovered"
    DIGEST = "digest"


REMIND_EVERY = timedelta(hours=24)
"""How often somebody is reminded who declares nothing else (design §3)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertRoute:
    """Which events of a policy go to which channel, and how often that is repeated.

    ``digest`` is the cron expression of a summary, in the policy's time zone, or None.
    """

    to: ChannelName
    on: frozenset[Event]
    remind_every: timedelta = REMIND_EVERY
    digest: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LowStorage:
    """When the space of a destination is too little: each limit is optional, one is declared.

    ``free_below`` is in bytes, ``free_below_share`` in percent of the whole, and ``full_within``
    the time in which it would be full at the growth of the last 30 days.
    """

    free_below: int | None = None
    free_below_share: float | None = None
    full_within: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """A place that stores objects. ``url`` is absolute: ``file:///srv/backups``.

    ``capacity`` is in bytes, for places that cannot be asked for their free space.
    """

    name: DestinationName
    url: str
    low_storage: LowStorage | None = None
    capacity: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """Where alerts go: an Apprise URL, which is a secret as a whole."""

    name: ChannelName
    url: Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What one named set of databases must have.

    ``renamed_from`` is its former name, whose backups it carries on, or None.
    """

    name: PolicyName
    timezone: ZoneInfo
    source: Source
    tables: TableSelection
    schedules: tuple[Schedule, ...]
    retention: Retention
    destinations: tuple[DestinationName, ...]
    zstd_level: int
    after_backup: Level
    alerts: tuple[AlertRoute, ...]
    guards: tuple[Guard, ...] = ()
    heartbeat: Secret | None = None
    renamed_from: PolicyName | None = None

    @property
    def series(self) -> tuple[Series, ...]:
        """The series of this policy, one per database, in the order declared."""
        return tuple(Series(self.name, database) for database in self.source.databases)


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """Which content of the policy files is in force.

    ``digest`` is the SHA-256 of the files' names and bytes; ``git_commit`` is the commit that the
    directory is at, or None without git.
    """

    digest: str
    git_commit: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DesiredState:
    """All policy files together, valid and with references resolved."""

    policies: Mapping[PolicyName, Policy]
    destinations: Mapping[DestinationName, Destination]
    channels: Mapping[ChannelName, Channel]
    max_parallel: int
    revision: Revision
