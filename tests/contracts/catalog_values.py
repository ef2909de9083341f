"""Values for the catalog's contract suite: what a catalog is told in a plausible order."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from orchestrator.model.backup import Backup
from orchestrator.model.names import DestinationName, PolicyName, RunId, ScheduleName
from orchestrator.model.run import LogAction, LogEntry, LogOutcome
from orchestrator.model.verification import Damage, Level, Verification
from orchestrator.ports.catalog import AppliedSchedule, Catalog
from tests.support.builders import a_copy, an_actor

NOON = datetime(2026, 11, 22, 12, 0, 0, 123456, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
UNPROVED = (a_copy(level=None), a_copy("offsite", level=None))


def an_entry(subject: str = "practice/app", *, at: datetime = NOON, **detail: str) -> LogEntry:
    return LogEntry(
        at=at,
        actor=an_actor(),
        action=LogAction.BACKUP,
        subject=subject,
        outcome=LogOutcome.SUCCEEDED,
        detail=detail,
    )


def subjects(catalog: Catalog) -> list[str]:
    return [entry.subject for entry in catalog.log()]


def a_verification(
    backup: Backup, level: Level = Level.OBJECTS, *, at: datetime = NOON, damage: int = 0
) -> Verification:
    """A result for the copy at ``local``, with so many damaged objects."""
    return Verification(
        backup=backup.id,
        destination=DestinationName("local"),
        level=level,
        at=at,
        objects=12,
        stored_bytes=20_000,
        damage=tuple(
            Damage(object_key=f"chunks/ab/{number}", what="missing") for number in range(damage)
        ),
    )


def an_applied(
    name: str = "daily", cron: str = "0 2 * * *", since: datetime = NOON
) -> AppliedSchedule:
    return AppliedSchedule(
        policy=PolicyName("practice"),
        schedule=ScheduleName(name),
        cron=cron,
        timezone="Europe/London",
        since=since,
    )


def run_id(number: int) -> RunId:
    return RunId(f"20261122T120000Z-{number:06x}")


def at_once(*calls: Callable[[], object]) -> list[object]:
    """Call each in a thread of its own; return results, or the exceptions they raised."""
    with ThreadPoolExecutor(len(calls)) as threads:
        futures = [threads.submit(call) for call in calls]
        return [future.exception() or future.result() for future in futures]
