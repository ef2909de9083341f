"""Builders of model values: every field has a plausible default, a test names what it is about."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from zoneinfo import ZoneInfo

from orchestrator.model.backup import Backup, Copy, CopyState, RunReason, Slot, Trigger
from orchestrator.model.lease import Lease
from orchestrator.model.names import (
    BackupId,
    ChannelName,
    DatabaseName,
    DestinationName,
    PolicyName,
    RunId,
    ScheduleName,
    Series,
    format_identifier,
)
from orchestrator.model.observation import LeaseObservation, Observation, SeriesObservation
from orchestrator.model.policy import (
    AlertRoute,
    CalendarUnit,
    Channel,
    DesiredState,
    Destination,
    Event,
    Policy,
    Retention,
    Revision,
    Schedule,
    Source,
    TableSelection,
    Tier,
    Window,
)
from orchestrator.model.run import (
    Actor,
    ErrorReport,
    LogAction,
    LogEntry,
    LogOutcome,
    Run,
    RunState,
)
from orchestrator.model.secret import Secret
from orchestrator.model.timeline import Pause
from orchestrator.model.verification import Level

DIGEST = "c0ffee" + "0" * 58
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def utc(text: str) -> datetime:
    """``"2026-03-29T01:00"`` (with or without seconds) as an aware UTC time."""
    return datetime.fromisoformat(text.removesuffix("Z")).replace(tzinfo=UTC)


def a_series(policy: str = "practice", database: str = "app") -> Series:
    return Series(PolicyName(policy), DatabaseName(database))


def a_schedule(
    name: str = "daily",
    cron: str = "0 2 * * *",
    *,
    catch_up: timedelta = timedelta(hours=6),
    grace: timedelta = timedelta(minutes=30),
) -> Schedule:
    return Schedule(name=ScheduleName(name), cron=cron, catch_up=catch_up, grace=grace)


def a_slot(at: str, schedule: str = "daily") -> Slot:
    return Slot(utc(at), ScheduleName(schedule))


def a_window(text: str) -> Window:
    """``"3mo"`` as a window."""
    digits = text.rstrip("hdwmoy")
    return Window(int(digits), CalendarUnit(text[len(digits) :]))


def a_retention(
    *, min_keep: int = 3, prune_delay: timedelta = timedelta(hours=24), **tiers: str
) -> Retention:
    """``a_retention(daily="30d", monthly="1y")``; no tiers means the four usual ones."""
    words = tiers or {"hourly": "7d", "daily": "30d", "weekly": "3mo", "monthly": "1y"}
    return Retention(
        tiers={Tier(name): a_window(text) for name, text in words.items()},
        min_keep=min_keep,
        prune_delay=prune_delay,
    )


def a_source(
    url: str = "postgresql://backup@127.0.0.1:5432/app",
    *,
    restore_url: str | None = None,
    databases: Iterable[str] = ("app",),
) -> Source:
    return Source(
        engine="postgresql",
        url=Secret(url, "${env:DATABASE_URL}"),
        restore_url=Secret(restore_url or url, "${env:RESTORE_URL}"),
        databases=tuple(DatabaseName(name) for name in databases),
        lock_timeout=timedelta(seconds=30),
        stall_timeout=timedelta(minutes=2),
        max_duration=timedelta(hours=6),
        yield_after=timedelta(seconds=30),
    )


# A builder has as many arguments as what it builds has fields that a test may be about.
def a_policy(  # noqa: PLR0913
    name: str = "practice",
    *,
    timezone: str = "UTC",
    source: Source | None = None,
    tables: TableSelection | None = None,
    schedules: Sequence[Schedule] | None = None,
    retention: Retention | None = None,
    destinations: Iterable[str] = ("local",),
    after_backup: Level = Level.OBJECTS,
    alerts_to: Iterable[str] = ("ops",),
) -> Policy:
    return Policy(
        name=PolicyName(name),
        timezone=ZoneInfo(timezone),
        source=source or a_source(),
        tables=tables or TableSelection(),
        schedules=(a_schedule(),) if schedules is None else tuple(schedules),
        retention=retention or a_retention(),
        destinations=tuple(DestinationName(place) for place in destinations),
        zstd_level=3,
        after_backup=after_backup,
        alerts=tuple(
            AlertRoute(to=ChannelName(channel), on=frozenset({Event.FAILED}))
            for channel in alerts_to
        ),
    )


def a_revision(digest: str = DIGEST, git_commit: str | None = None) -> Revision:
    return Revision(digest=digest, git_commit=git_commit)


def a_desired_state(
    *policies: Policy, revision: Revision | None = None, max_parallel: int = 2
) -> DesiredState:
    """The policies in the order given, with every destination and channel that they name."""
    return DesiredState(
        policies={policy.name: policy for policy in policies},
        destinations={
            name: Destination(name=name, url=f"file:///srv/backups/{name}")
            for policy in policies
            for name in policy.destinations
        },
        channels={
            route.to: Channel(name=route.to, url=Secret("json://127.0.0.1", "${env:CHANNEL}"))
            for policy in policies
            for route in policy.alerts
        },
        max_parallel=max_parallel,
        revision=revision or a_revision(),
    )


def a_copy(
    destination: str = "local",
    *,
    level: Level | None = Level.OBJECTS,
    state: CopyState = CopyState.COMPLETE,
    verified_at: datetime | None = None,
    trouble: str | None = None,
) -> Copy:
    return Copy(
        destination=DestinationName(destination),
        state=state,
        level=level,
        verified_at=verified_at,
        trouble=trouble,
    )


def a_damaged_copy(destination: str = "local", trouble: str = "chunk missing") -> Copy:
    return a_copy(destination, level=None, state=CopyState.DAMAGED, trouble=trouble)


def a_reason(*slots: Slot, trigger: Trigger | None = None) -> RunReason:
    """Due for these slots; without any, by hand (or what ``trigger`` says)."""
    return RunReason(
        trigger=trigger or (Trigger.SCHEDULE if slots else Trigger.MANUAL), slots=slots
    )


def an_identifier(at: datetime, seed: str = "") -> str:
    """An id whose random part follows from time and seed, so that equal calls are equal."""
    return format_identifier(at, sha256(f"{at.isoformat()}{seed}".encode()).hexdigest()[:6])


def a_backup(
    snapshot_at: datetime = datetime(2026, 11, 22, 2, tzinfo=UTC),
    *,
    series: Series | None = None,
    copies: Sequence[Copy] | None = None,
    reason: RunReason | None = None,
    sequence: int = 1,
    took: timedelta = timedelta(minutes=1),
) -> Backup:
    """A backup with one good copy at ``local``; change other fields with `dataclasses.replace`."""
    owner = series or a_series()
    copies = (a_copy(verified_at=snapshot_at + took),) if copies is None else copies
    return Backup(
        id=BackupId(an_identifier(snapshot_at, str(owner))),
        series=owner,
        path=f"{owner.policy}/{owner.database}",
        run=RunId(an_identifier(snapshot_at, f"run of {owner}")),
        snapshot_at=snapshot_at,
        finished_at=snapshot_at + took,
        reason=reason or a_reason(),
        sequence=sequence,
        fence=1,
        revision=DIGEST,
        git_commit=None,
        manifest_digest=sha256(f"{owner} {snapshot_at.isoformat()}".encode()).hexdigest(),
        tables=8,
        rows=1000,
        text_bytes=100_000,
        stored_bytes=20_000,
        new_bytes=20_000,
        copies=tuple(copies),
    )


def an_actor(*, process: int = 4242, host: str = "backup-host") -> Actor:
    return Actor(
        user="backup",
        host=host,
        process=process,
        process_started=1_000_000,
        boot_id="6a2b1f1e-0000-4000-8000-000000000000",
    )


def a_lease(
    expires_at: datetime,
    *,
    series: Series | None = None,
    fence: int = 1,
    holder: Actor | None = None,
) -> Lease:
    owner = series or a_series()
    return Lease(
        series=owner,
        run=RunId(an_identifier(expires_at - timedelta(hours=1), f"run of {owner}")),
        holder=holder or an_actor(),
        fence=fence,
        expires_at=expires_at,
    )


def an_error_report(
    code: str = "ORC-201",
    what: str = "cannot connect to the server",
    next_step: str = "start the server, then run `orchestrator apply`",
) -> ErrorReport:
    return ErrorReport(code=code, what=what, next_step=next_step)


def a_run(
    started_at: datetime = datetime(2026, 11, 22, 2, tzinfo=UTC),
    *,
    series: Series | None = None,
    state: RunState = RunState.RUNNING,
    reason: RunReason | None = None,
    error: ErrorReport | None = None,
    backup: BackupId | None = None,
) -> Run:
    """A run; one that is not RUNNING finished a minute later, and a FAILED one has an error."""
    owner = series or a_series()
    return Run(
        id=RunId(an_identifier(started_at, f"run of {owner}")),
        series=owner,
        reason=reason or a_reason(),
        state=state,
        started_at=started_at,
        actor=an_actor(),
        fence=1,
        revision=DIGEST,
        finished_at=None if state is RunState.RUNNING else started_at + timedelta(minutes=1),
        backup=backup,
        error=an_error_report() if error is None and state is RunState.FAILED else error,
    )


def a_pause(until: datetime, *, since: datetime = LONG_AGO, policy: str = "practice") -> Pause:
    return Pause(policy=PolicyName(policy), since=since, until=until, by=an_actor())


def an_entry_of(action: LogAction, *, at: datetime = LONG_AGO) -> LogEntry:
    return LogEntry(
        at=at,
        actor=an_actor(),
        action=action,
        subject="practice",
        outcome=LogOutcome.SUCCEEDED,
    )


def a_series_observation(
    *,
    series: Series | None = None,
    newest: Backup | None = None,
    lease: LeaseObservation | None = None,
    backups: int | None = None,
    failures: Sequence[Run] = (),
    pause: Pause | None = None,
) -> SeriesObservation:
    """What is known of a series: of the newest backup's, if there is one and no other is named."""
    return SeriesObservation(
        series=series or (newest.series if newest else a_series()),
        newest=newest,
        failures=tuple(failures),
        pause=pause,
        lease=lease,
        backups=(1 if newest else 0) if backups is None else backups,
    )


def schedules_in_force(
    *policies: Policy, since: datetime = LONG_AGO
) -> Mapping[tuple[PolicyName, ScheduleName, str, str], datetime]:
    """Every schedule of the policies, in its present form, applied at ``since``."""
    return {
        (policy.name, schedule.name, schedule.cron, str(policy.timezone)): since
        for policy in policies
        for schedule in policy.schedules
    }


def an_observation(
    now: datetime,
    *series: SeriesObservation,
    schedules_since: Mapping[tuple[PolicyName, ScheduleName, str, str], datetime] | None = None,
    applied_revision: str | None = DIGEST,
) -> Observation:
    return Observation(
        now=now,
        series={seen.series: seen for seen in series},
        schedules_since=schedules_since or {},
        applied_revision=applied_revision,
    )


def without_level(backup: Backup) -> Backup:
    """The same backup, its copies written but not proved."""
    return replace(
        backup,
        copies=tuple(replace(copy, level=None, verified_at=None) for copy in backup.copies),
    )
