"""What the product itself makes of each event: observations, and the messages that follow."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from orchestrator.model.alert import Alert, Trouble
from orchestrator.model.backup import Backup
from orchestrator.model.incident import DamagedCopy, Incident, SeriesTotals, UncoveredTables
from orchestrator.model.marks import Suspicion
from orchestrator.model.names import DatabaseName, DestinationName, PolicyName, Series
from orchestrator.model.observation import LeaseObservation, Observation, SeriesObservation
from orchestrator.model.plan import SkipKind, Skipped
from orchestrator.model.policy import DesiredState, Event, FoundDatabases, LowStorage, Policy
from orchestrator.model.pruning import UpkeepPlan
from orchestrator.model.run import ErrorReport, RunState
from orchestrator.model.space import Space, SpaceHistory, SpaceMeasurement
from orchestrator.planning.alerting import (
    DigestFacts,
    Findings,
    Followed,
    due_digests,
    find_troubles,
    follow_incidents,
    write_digest,
)
from orchestrator.planning.storage import find_storage_troubles
from tests.support.alerting import a_message
from tests.support.builders import a_backup, a_lease, a_pause, a_run, a_source, utc
from tests.support.incident_history import a_route, in_force, routed

NOW = utc("2026-11-22T08:00:05")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
LOCAL = DestinationName("local")
GIB = 1024**3
URL = "postgresql://backup:secret@db.internal:5432/app"

REFUSED = ErrorReport(
    code="ORC-201",
    what="database 'app' at db.internal:5432 cannot be reached: connection refused",
    next_step="start the server, or correct host and port of the URL; the next pass tries again",
)
LOCKED = ErrorReport(
    code="ORC-208",
    what="practice/app: a lock on public.users was not granted within 30s: process 4711 holds it",
    next_step="end what holds it, or raise source.lock_timeout",
)
AWAY = ErrorReport(
    code="ORC-300",
    what="destination 'local' (file:///srv/backups) cannot be reached: no such directory",
    next_step="mount it; the next pass tries again",
)
FULL = ErrorReport(
    code="ORC-603",
    what="the disk of the catalog /var/lib/orchestrator/catalog.sqlite3 is full: database or disk"
    " is full",
    next_step="make space there and run the same command again; stored backups are untouched",
)


def a_practice(*databases: str) -> Policy:
    return replace(routed(a_route()), source=a_source(URL, databases=databases or ("app",)))


def an_old_backup(series: Series, age: timedelta = 6 * HOUR) -> Backup:
    return a_backup(NOW - age, series=series)


@dataclass(kw_only=True)
class Case:
    """A world in which one thing is wrong, as it is observed.

    ``seen`` are the fields of every series that differ from those of one that is well.
    """

    policy: Policy = field(default_factory=a_practice)
    seen: dict[str, object] = field(default_factory=dict)
    findings: Findings = field(default_factory=Findings)
    limits: LowStorage | None = None

    @property
    def desired(self) -> DesiredState:
        desired = in_force(self.policy)
        place = replace(desired.destinations[LOCAL], low_storage=self.limits)
        return replace(desired, destinations={LOCAL: place})

    def observe(self, *, is_well: bool = False, later: timedelta = timedelta()) -> Observation:
        changed = {} if is_well else self.seen
        return Observation(
            now=NOW + later,
            series={one: _observe(one, changed) for one in self.policy.series},
            schedules_since={
                (self.policy.name, schedule.name, schedule.cron, "UTC"): NOW - 90 * DAY
                for schedule in self.policy.schedules
            },
            applied_revision=None,
        )

    def troubles(self) -> Sequence[Trouble]:
        return find_troubles(self.desired, self.observe(), self.findings)


def _observe(series: Series, changed: dict[str, object]) -> SeriesObservation:
    newest = an_old_backup(series)
    well = SeriesObservation(
        series=series,
        newest=newest,
        unsuspicious=newest,
        lease=None,
        backups=30,
    )
    own: dict[str, Any] = {
        name: value(series) if callable(value) else value for name, value in changed.items()
    }
    return replace(well, **own)


# ------------------------------------------------------------------ what is wrong
def failing(error: ErrorReport, *databases: str) -> Case:
    def attempts(series: Series) -> tuple[object, ...]:
        run = a_run(NOW - HOUR / 2, series=series, state=RunState.FAILED, error=error)
        return (run,)

    return Case(policy=a_practice(*databases), seen={"failures": attempts})


def missed(*databases: str) -> Case:
    def newest(series: Series) -> Backup:
        return an_old_backup(series, 30 * HOUR)

    return Case(policy=a_practice(*databases), seen={"newest": newest, "unsuspicious": newest})


def paused() -> Case:
    case = missed()
    case.seen["pause"] = a_pause(NOW + DAY, since=NOW - 9 * DAY)
    return case


def gone() -> Case:
    policy = a_practice("app", "old")
    found = FoundDatabases(gone=frozenset({DatabaseName("app")}))
    return Case(policy=replace(policy, source=replace(policy.source, found=found)))


def reading_for_long() -> Case:
    (series,) = a_practice().series
    run = a_run(NOW - 4 * HOUR, series=series)
    lease = replace(a_lease(NOW + HOUR), series=series, run=run.id)
    observed = LeaseObservation(lease=lease, holder_is_gone=False)
    return Case(seen={"lease": observed}, findings=Findings(running=[run]))


def suspicious() -> Case:
    (series,) = a_practice().series
    good, doubtful = an_old_backup(series, DAY), an_old_backup(series)
    reason = (
        f"table public.users has 3 rows; the last good backup before ({good.id}) had 1,000; all 8"
        " tables together 212 of 1,209: half or more are gone"
    )
    marked = replace(doubtful, suspicion=Suspicion(at=NOW - 6 * HOUR, reasons=(reason,)))
    return Case(seen={"newest": marked, "unsuspicious": good, "marked": (marked,)})


def damaged(*databases: str) -> Case:
    policy = a_practice(*databases)
    copies = [
        DamagedCopy(
            series=series,
            backup=an_old_backup(series, age).id,
            destination=LOCAL,
            found_at=NOW - HOUR,
            trouble="2 of 31 objects differ from their digests",
        )
        for series in policy.series
        for age in (30 * HOUR, 6 * HOUR)
    ]
    return Case(policy=policy, findings=Findings(damaged=copies))


def uncovered(*databases: str) -> Case:
    policy = a_practice(*databases)
    names = ("billing.invoices", "billing.payments")
    found = [UncoveredTables(series=one, tables=names, since=NOW - HOUR) for one in policy.series]
    return Case(policy=policy, findings=Findings(uncovered=found))


def filling_up() -> Case:
    case = Case(policy=a_practice(), limits=LowStorage(free_below=10 * GIB))
    used = [GIB * (80 + 0.45 * day) for day in range(29)]
    history = SpaceHistory(
        measurements=tuple(
            SpaceMeasurement(
                destination=LOCAL,
                at=NOW - (28 - day) * DAY,
                space=Space(free=int(100 * GIB - taken), whole=100 * GIB),
            )
            for day, taken in enumerate(used)
        )
    )
    case.findings = Findings(others=find_storage_troubles(case.desired, {LOCAL: history}, now=NOW))
    return case


def refusing_to_prune() -> Case:
    reason = (
        "local: 42 copies: more expired in one day than normal ageing explains: `orchestrator"
        " apply --allow-prune N` lets it go"
    )

    def upkeep(series: Series) -> UpkeepPlan:
        return UpkeepPlan(
            skipped=(Skipped(series=series, kind=SkipKind.PRUNE_REFUSED, reason=reason),)
        )

    return Case(seen={"upkeep": upkeep})


def with_invalid_files() -> Case:
    problems = (
        "policies/practice.yaml:12:5: unknown key 'shedules', did you mean 'schedules'?",
        "policies/practice.yaml:20:7: there is no destination 'ofsite'",
    )
    return Case(findings=Findings(problems=problems, problems_since=NOW - HOUR / 2))


def with_a_dead_channel() -> Case:
    answer = "JSON (failure): Connection refused"
    message = replace(a_message(NOW - HOUR, channel="pager"), attempts=3, answer=answer)
    policy = routed(a_route(), a_route("pager"))
    return Case(
        policy=replace(policy, source=a_source(URL)), findings=Findings(undelivered=[message])
    )


CASES = {
    "failed": failing(LOCKED),
    "failed_server": failing(REFUSED, "app"),
    "failed_server_of_many": failing(REFUSED, "app", "archive", "shop"),
    "failed_destination_of_many": failing(AWAY, "app", "shop"),
    "failed_catalog": failing(FULL),
    "degraded": reading_for_long(),
    "missed": missed(),
    "missed_by_many": missed("app", "shop"),
    "missed_by_a_pause": paused(),
    "missed_because_gone": gone(),
    "low_storage": filling_up(),
    "corrupt": damaged(),
    "corrupt_in_many": damaged("app", "shop"),
    "guard": suspicious(),
    "uncovered": uncovered(),
    "uncovered_in_many": uncovered("app", "shop"),
    "policy_invalid": with_invalid_files(),
    "prune_refused": refusing_to_prune(),
    "channel_failing": with_a_dead_channel(),
}
"""One case at least of each event that the product raises."""

WITHOUT_CAUSE = {Event.DRILL_FAILED, Event.RECOVERED, Event.DIGEST}
"""Drills are not made yet; the others are no troubles."""


# ------------------------------------------------------------------ what is said
def tell(case: Case) -> Iterable[Alert]:
    """The opening, a reminder after a day and the recovery three hours later."""
    known: tuple[Incident, ...] = ()
    for later, is_well in ((timedelta(), False), (DAY, False), (DAY + 3 * HOUR, True)):
        changes = follow_incidents(
            Followed(
                desired=case.desired,
                seen=case.observe(is_well=is_well, later=later),
                troubles=() if is_well else case.troubles(),
                known=known,
            )
        )
        (change,) = [change for change in changes if change.message is not None]
        assert change.after is not None
        assert change.message is not None
        known = (change.after,)
        yield change.message.alert


def unwatched() -> Alert:
    """What is said when the policy of a database that failed is not there any more."""
    opened, case = (
        next(iter(tell(failing(LOCKED)))),
        Case(policy=replace(a_practice(), name=PolicyName("other"))),
    )
    known = Incident(
        cause=opened.cause,
        channel=a_route().to,
        opened_at=opened.at,
        since=opened.since,
        series=opened.series,
        error=opened.error,
        told_at=opened.at,
    )
    seen = case.observe(later=3 * HOUR)
    followed = Followed(desired=case.desired, seen=seen, troubles=(), known=(known,))
    (change,) = follow_incidents(followed)
    assert change.message is not None
    return change.message.alert


def a_digest() -> Alert:
    """The week's summary of a policy whose server is down."""
    case = failing(REFUSED, "app", "shop")
    route = replace(a_route(), digest="0 8 * * 1")
    case.policy = replace(case.policy, alerts=(route,))
    seen = replace(case.observe(), now=utc("2026-11-23T08:00:05"))
    (due,) = due_digests(case.desired, seen)
    totals = {
        one: SeriesTotals(
            series=one, listed=30, taken=7, new_bytes=GIB // 3, oldest=NOW - 360 * DAY
        )
        for one in case.policy.series
    }
    space = SpaceHistory(
        measurements=tuple(
            SpaceMeasurement(
                destination=LOCAL,
                at=NOW - days * DAY,
                space=Space(free=(20 + days) * GIB, whole=100 * GIB),
            )
            for days in (7, 0)
        )
    )
    facts = DigestFacts(seen=seen, troubles=case.troubles(), totals=totals, space={LOCAL: space})
    change = write_digest(due, facts)
    assert change.message is not None
    return change.message.alert


def commands_of(alert: Alert) -> Iterable[str]:
    """The command to type next, and those that the words name."""
    yield alert.next_command
    parts = f"{alert.error.what}`{alert.error.next_step}".split("`")
    yield from (part for part in parts if part.startswith("orchestrator "))
