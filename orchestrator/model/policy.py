"""What users declare: policies, destinations, channels, settings (design §3)."""

from collections.abc import Mapping
from dataclasses import dataclass
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
from orchestrator.model.secret import Secret
from orchestrator.model.verification import Level


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The server and databases that a policy backs up, and how gently."""

    engine: str
    url: Secret
    restore_url: Secret
    databases: tuple[DatabaseName, ...]
    lock_timeout: timedelta
    stall_timeout: timedelta
    max_duration: timedelta
    yield_after: timedelta


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
    """What alerts can be about (design §9); only ``failed`` can be routed so far."""

    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertRoute:
    """Which events of a policy go to which channel."""

    to: ChannelName
    on: frozenset[Event]


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """A place that stores objects. ``url`` is absolute: ``file:///srv/backups``."""

    name: DestinationName
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """Where alerts go: an Apprise URL, which is a secret as a whole."""

    name: ChannelName
    url: Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What one named set of databases must have."""

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
