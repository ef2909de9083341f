"""Random situations of one series for retention: mostly ordinary, often on an awkward night."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

from orchestrator.model.backup import Backup, Copy, RunReason, Trigger
from orchestrator.model.marks import Acknowledgement, Hold, MarkId, Suspicion
from orchestrator.model.names import BackupId
from orchestrator.model.policy import CalendarUnit, Retention, Tier, Window
from orchestrator.model.verification import Level
from tests.support.builders import a_backup, a_copy, a_damaged_copy, a_retention, utc

ZONES = [
    ZoneInfo(name)
    for name in (
        *("UTC", "Europe/London", "America/New_York", "Australia/Lord_Howe"),
        *("Asia/Kathmandu", "Pacific/Apia", "America/Sao_Paulo", "Africa/Casablanca"),
    )
]
AWKWARD = [
    utc(at)
    for at in (
        *("2026-03-29T01:00", "2026-10-25T01:00", "2026-11-01T06:00", "2026-03-08T07:00"),
        *("2026-04-04T15:00", "2026-10-03T15:30", "2011-12-30T10:00", "2018-11-04T03:00"),
        *("2024-02-29T23:30", "2026-12-31T23:59", "2026-01-01T00:00", "2026-03-31T12:00"),
    )
]
"""Nights on which some of the zones change their clocks, and ends of months and years."""

STEPS = [timedelta(minutes=10), timedelta(hours=1), timedelta(hours=7), timedelta(days=3)]
LONG_STEPS = [timedelta(days=20), timedelta(days=200)]
AMOUNTS = {
    CalendarUnit.HOURS: 200,
    CalendarUnit.DAYS: 40,
    CalendarUnit.WEEKS: 10,
    CalendarUnit.MONTHS: 14,
    CalendarUnit.YEARS: 3,
}


@dataclass(frozen=True)
class Case:
    """One situation; its backups are in no order."""

    backups: list[Backup]
    retention: Retention
    zone: ZoneInfo
    now: datetime


def a_case(random: Random) -> Case:
    """A situation that follows from the state of the generator alone."""
    times = some_times(random)
    backups = [some_backup(random, at, number) for number, at in enumerate(times)]
    sequences = list(range(1, len(backups) + 1))
    if random.random() < 0.1:
        random.shuffle(sequences)  # The clock went back between some of them.
    backups = [
        replace(backup, sequence=sequence)
        for backup, sequence in zip(backups, sequences, strict=True)
    ]
    random.shuffle(backups)
    behind = random.choice([0, 0, 0, 3600, 90_000, 40_000_000])
    ahead = random.choice([0, 60, 1800, 3600, 7200, 10_000_000])
    return Case(
        backups=backups,
        retention=some_retention(random),
        zone=random.choice(ZONES),
        now=max(times) + timedelta(seconds=ahead - behind),
    )


def some_times(random: Random) -> list[datetime]:
    """Times around an awkward night, some of them equal, at the pace of one or two rhythms."""
    at = random.choice(AWKWARD) - timedelta(minutes=random.randrange(0, 600, 10))
    steps = random.sample(STEPS + LONG_STEPS, random.randint(1, 2))
    times = []
    for _ in range(random.randint(1, 14)):
        times.append(at)
        at += random.choice(steps) * random.choice([0, 1, 1, 1, 2])
    return times


def some_backup(random: Random, at: datetime, number: int) -> Backup:
    backup = a_backup(at, copies=[some_copy(random)])
    suspicion = Suspicion(at=at, reasons=("rows are gone",)) if random.random() < 0.15 else None
    known = None
    if suspicion and random.random() < 0.5:
        known = Acknowledgement(id=MarkId("a"), at=at, who="ops@host", reason="it is right")
    reason = RunReason(trigger=Trigger.BEFORE_RESTORE) if random.random() < 0.1 else backup.reason
    return replace(
        backup,
        reason=reason,
        id=BackupId(f"{backup.id[:17]}{random.randrange(16**3):03x}{number:03x}"),
        suspicion=suspicion,
        acknowledged=known,
        holds=tuple(some_holds(random, at)),
    )


def some_holds(random: Random, at: datetime) -> list[Hold]:
    until = random.choice([None, at + timedelta(days=random.randint(0, 400))])
    hold = Hold(id=MarkId("h"), at=at, who="ops@host", reason="audit", until=until)
    return [hold] if random.random() < 0.1 else []


def some_copy(random: Random) -> Copy:
    place = "local" if random.random() < 0.95 else "offsite"
    if random.random() < 0.15:
        return a_damaged_copy(place)
    return a_copy(place, level=random.choice([None, Level.STORED, Level.OBJECTS, Level.CONTENT]))


def some_retention(random: Random) -> Retention:
    tiers = random.sample(list(Tier), random.randint(1, len(Tier)))
    units = list(AMOUNTS)
    chosen = {tier: random.choice(units) for tier in tiers}
    windows = {
        tier: Window(random.randint(1, AMOUNTS[unit]), unit) for tier, unit in chosen.items()
    }
    return replace(a_retention(min_keep=random.choice([1, 1, 2, 3, 30])), tiers=windows)
