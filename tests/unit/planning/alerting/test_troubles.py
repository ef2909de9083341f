"""What is wrong follows from what was observed, one trouble per cause."""

from dataclasses import replace
from datetime import timedelta

import pytest

from orchestrator.model.alert import Trouble
from orchestrator.model.backup import Backup
from orchestrator.model.incident import DamagedCopy, Setback, UncoveredTables
from orchestrator.model.marks import Suspicion
from orchestrator.model.names import DestinationName
from orchestrator.model.observation import LeaseObservation, Observation, SeriesObservation
from orchestrator.model.plan import SkipKind, Skipped
from orchestrator.model.policy import DesiredState, Event, OnUncovered, TableSelection
from orchestrator.model.pruning import UpkeepPlan
from orchestrator.model.run import ErrorReport, Run, RunState
from orchestrator.planning.alerting import Findings, find_troubles
from orchestrator.planning.alerting.causes import server_of
from tests.support.alerting import a_cause, a_message, a_trouble
from tests.support.builders import (
    a_backup,
    a_desired_state,
    a_lease,
    a_pause,
    a_policy,
    a_run,
    a_series,
    a_source,
    an_error_report,
    utc,
)

NOW = utc("2026-11-22T12:00")
HOUR = timedelta(hours=1)
UNREACHABLE = ErrorReport(
    code="ORC-201", what="database 'app' at 127.0.0.1:5432 cannot be reached", next_step="start it"
)


def failed(hours_ago: int = 1, error: ErrorReport = UNREACHABLE, policy: str = "practice") -> Run:
    run = a_run(NOW - hours_ago * HOUR, series=a_series(policy))
    return replace(run, state=RunState.FAILED, error=error, finished_at=NOW)


def seen_of(
    *failures: Run, policy: str = "practice", hours_old: int = 1, **more: object
) -> SeriesObservation:
    """A series with a backup of an hour ago, and these attempts since."""
    series = a_series(policy)
    observed = SeriesObservation(
        series=series,
        newest=a_backup(NOW - hours_old * HOUR, series=series),
        lease=None,
        backups=1,
        failures=failures,
    )
    return replace(observed, **more)  # type: ignore[arg-type] - fields of the observation


def find(
    *seen: SeriesObservation, findings: Findings | None = None, desired: DesiredState | None = None
) -> tuple[Trouble, ...]:
    desired = desired or a_desired_state(*(a_policy(one.series.policy) for one in seen))
    since = {
        (policy.name, schedule.name, schedule.cron, str(policy.timezone)): NOW - 1000 * HOUR
        for policy in desired.policies.values()
        for schedule in policy.schedules
    }
    observation = Observation(
        now=NOW,
        series={one.series: one for one in seen},
        schedules_since=since,
        applied_revision=None,
    )
    return find_troubles(desired, observation, findings or Findings())


def causes(troubles: tuple[Trouble, ...]) -> list[tuple[str, str]]:
    return [(trouble.cause.event.value, trouble.cause.subject) for trouble in troubles]


def test_nothing_is_wrong_while_promises_are_kept():
    assert find(seen_of()) == ()


def test_a_server_that_cannot_be_reached_is_one_trouble_of_all_its_series():
    seen = [seen_of(failed(policy=name), policy=name) for name in ("one", "two")]
    (trouble,) = find(*seen)
    assert causes((trouble,)) == [("failed", "server 127.0.0.1:5432")]
    assert trouble.series == (a_series("one"), a_series("two"))


@pytest.mark.parametrize("code", ["ORC-300", "ORC-301", "ORC-302", "ORC-303", "ORC-307"])
def test_an_error_of_a_destination_is_the_destinations(code: str):
    error = ErrorReport(code=code, what="destination 'offsite' (/srv) is full", next_step="")
    policy = replace(
        a_policy(), destinations=(DestinationName("local"), DestinationName("offsite"))
    )
    desired = a_desired_state(policy)
    assert causes(find(seen_of(failed(error=error)), desired=desired)) == [
        ("failed", "destination offsite")
    ]


def test_any_other_failure_is_its_series_own_and_as_old_as_its_first_attempt():
    error = an_error_report("ORC-208")
    (trouble,) = find(seen_of(failed(5, error), failed(1, error)))
    assert causes((trouble,)) == [("failed", "practice/app")]
    assert trouble.since == NOW - 5 * HOUR
    assert trouble.next_command == "orchestrator backup practice --database app"


def test_a_failure_is_of_the_server_that_it_happened_at_and_not_of_the_one_declared_since():
    what = "database 'app' at 127.0.0.1:1 cannot be reached: connection refused"
    error = ErrorReport(code="ORC-201", what=what, next_step="start it")
    assert causes(find(seen_of(failed(error=error)))) == [("failed", "server 127.0.0.1:1")]


def test_a_failure_is_of_the_destination_that_it_happened_at_even_if_it_is_used_no_more():
    error = ErrorReport(code="ORC-300", what="destination 'gone' (/srv) is away", next_step="")
    assert causes(find(seen_of(failed(error=error)))) == [("failed", "destination gone")]


@pytest.mark.parametrize("code", ["ORC-901", "ORC-701", "ORC-702"])
def test_a_run_that_somebody_stopped_or_forestalled_is_no_trouble(code: str):
    assert find(seen_of(failed(error=an_error_report(code)))) == ()


def test_an_interruption_after_a_failure_does_not_hide_it():
    runs = (failed(3), replace(failed(1), error=an_error_report("ORC-901")))
    assert causes(find(seen_of(*runs))) == [("failed", "server 127.0.0.1:5432")]


# ------------------------------------------------------------------ missed
def test_a_backup_that_is_missed_because_it_fails_is_one_trouble():
    (trouble,) = find(seen_of(failed(), hours_old=30))
    assert trouble.cause.event is Event.FAILED
    assert trouble.also == {Event.MISSED}


def test_series_that_nobody_tried_are_missed_together():
    seen = [seen_of(policy=name, hours_old=30) for name in ("one", "two")]
    (trouble,) = find(*seen)
    assert causes((trouble,)) == [("missed", "the schedules")]
    assert trouble.series == (a_series("one"), a_series("two"))
    assert trouble.since == utc("2026-11-22T02:30")


def test_a_series_that_never_had_a_backup_is_missed():
    (trouble,) = find(seen_of(newest=None, backups=0))
    assert trouble.cause.event is Event.MISSED
    assert "never had a backup" in trouble.error.what


def test_a_pause_that_lasts_too_long_is_the_same_trouble_as_without_it():
    """Or its begin would end one incident, and its end another, with nothing mended."""
    pause = a_pause(NOW + HOUR, since=NOW - 20 * HOUR)
    (trouble,) = find(seen_of(hours_old=30, pause=pause), desired=caught_up_within(12))
    assert causes((trouble,)) == [("missed", "the schedules")]
    assert "resume the policy" in trouble.error.next_step
    assert trouble.next_command == "orchestrator resume practice"


def caught_up_within(hours: int) -> DesiredState:
    (schedule,) = a_policy().schedules
    return a_desired_state(a_policy(schedules=(replace(schedule, catch_up=hours * HOUR),)))


def test_the_command_for_what_is_overdue_takes_the_backup():
    """Beyond `catch_up`, `apply` answers that nothing was done."""
    (trouble,) = find(seen_of(hours_old=30), desired=caught_up_within(12))
    assert trouble.next_command == "orchestrator apply"
    (trouble,) = find(seen_of(hours_old=30), desired=caught_up_within(2))
    assert trouble.next_command == "orchestrator backup practice --database app"
    paused = seen_of(hours_old=30, pause=a_pause(NOW + HOUR, since=NOW - 20 * HOUR))
    (trouble,) = find(paused, desired=caught_up_within(2))
    assert trouble.next_command == "orchestrator backup practice --database app"


def test_the_command_for_a_lost_catalog_reads_the_backups_in():
    what = "destination 'local' holds objects that this catalog does not know (x is one of them)"
    error = ErrorReport(code="ORC-304", what=what, next_step="")
    seen = [seen_of(failed(error=error, policy=name), policy=name) for name in ("one", "two")]
    (trouble,) = find(*seen)
    assert trouble.next_command == "orchestrator catalog rebuild --from local"


# ------------------------------------------------------------------ what is stored
def a_damaged(found: int = 2, destination: str = "local") -> DamagedCopy:
    return DamagedCopy(
        series=a_series(),
        backup=a_backup(NOW).id,
        destination=DestinationName(destination),
        found_at=NOW - found * HOUR,
        trouble="chunks/ab: missing",
    )


def test_damaged_copies_are_told_by_destination_until_they_are_mended():
    findings = Findings(damaged=[a_damaged(5), a_damaged(2)])
    (trouble,) = find(seen_of(), findings=findings)
    assert causes((trouble,)) == [("corrupt", "destination local")]
    assert trouble.since == NOW - 5 * HOUR
    assert "chunks/ab: missing; so is 1 other copy" in trouble.error.what


def test_a_run_that_failed_because_its_backup_is_damaged_is_the_damage():
    run = failed(error=an_error_report("ORC-401"))
    (trouble,) = find(seen_of(run), findings=Findings(damaged=[a_damaged()]))
    assert (trouble.cause.event, trouble.also) == (Event.CORRUPT, {Event.FAILED})


def suspicious() -> SeriesObservation:
    suspicion = Suspicion(at=NOW - HOUR, reasons=("public.users lost all rows",))
    backup = replace(a_backup(NOW - HOUR), suspicion=suspicion)
    refused = Skipped(series=a_series(), kind=SkipKind.PRUNE_REFUSED, reason="it is suspicious")
    return seen_of(marked=(backup,), upkeep=UpkeepPlan(skipped=(refused,)))


def test_a_suspicious_backup_is_a_trouble_and_pruning_that_waits_for_it_is_none():
    (trouble,) = find(suspicious())
    assert causes((trouble,)) == [("guard", "practice/app")]
    assert "public.users lost all rows" in trouble.error.what


def doubted(hours_ago: int, *reasons: str) -> Backup:
    at = NOW - hours_ago * HOUR
    return replace(a_backup(at), suspicion=Suspicion(at=at, reasons=reasons))


def test_what_guards_found_is_as_old_as_the_first_backup_that_lacks_it():
    since = "since 20261121T020000Z-abcdef"
    marked = (
        doubted(3, f"emptied {since}: table public.users"),
        doubted(
            2,
            f"emptied {since}: 2 tables: public.clients, public.users",
            f"table public.users has 0 rows; the last good backup ({since}) had 3: half or more"
            " are gone",
        ),
        doubted(1, f"emptied {since}: 2 tables: public.clients, public.users"),
    )
    (trouble,) = find(seen_of(marked=marked))
    assert trouble.found == (
        ("emptied: public.clients", NOW - 2 * HOUR),
        ("emptied: public.users", NOW - 3 * HOUR),
    )


def test_numbers_that_change_are_nothing_new_and_a_longer_list_is():
    names = ", ".join(f"public.t{number}" for number in range(10))
    marked = (
        doubted(4, "3 of 8 tables are gone since 20261121T020000Z-abcdef"),
        doubted(3, f"gone since 20261121T020000Z-abcdef: 12 tables: {names} and 2 more"),
        doubted(
            2,
            "4 of 8 tables are gone since 20261121T020000Z-abcdef",
            f"gone since 20261121T020000Z-abcdef: 13 tables: {names} and 3 more",
        ),
    )
    (trouble,) = find(seen_of(marked=marked))
    newer = [thing for thing, at in trouble.found if at == NOW - 2 * HOUR]
    assert newer == ["gone: 3 more"]


def test_pruning_that_waits_for_a_human_is_a_trouble():
    reason = "12 copies at local: more than a day's measure"
    refused = Skipped(series=a_series(), kind=SkipKind.PRUNE_REFUSED, reason=reason)
    upkeep = UpkeepPlan(skipped=(refused,))
    (trouble,) = find(seen_of(upkeep=upkeep))
    assert causes((trouble,)) == [("prune_refused", "pruning")]
    assert reason in trouble.error.what
    assert [one.cause.event for one in find(seen_of(failed(), upkeep=upkeep))] == [Event.FAILED]


def test_tables_that_no_pattern_names_are_told_by_policy_unless_it_ignores_them():
    uncovered = UncoveredTables(series=a_series(), tables=("public.new",), since=NOW - HOUR)
    findings = Findings(uncovered=[uncovered])
    (trouble,) = find(seen_of(), findings=findings)
    assert causes((trouble,)) == [("uncovered", "practice")]
    assert "public.new" in trouble.error.what
    tables = TableSelection(include=("public.a",), on_uncovered=OnUncovered.IGNORE)
    desired = a_desired_state(replace(a_policy(), tables=tables))
    assert find(seen_of(), findings=findings, desired=desired) == ()


# ------------------------------------------------------------------ beyond series
def test_an_action_that_failed_is_told_like_a_run_and_not_twice():
    error = ErrorReport(code="ORC-301", what="destination 'local' is away", next_step="")
    setback = Setback(
        series=a_series(), action="verify_copy", about="local", error=error, since=NOW
    )
    findings = Findings(setbacks=[setback])
    assert causes(find(seen_of(), findings=findings)) == [("failed", "destination local")]
    (trouble,) = find(seen_of(failed(error=error)), findings=findings)
    assert trouble.series == (a_series(),)


def test_a_channel_is_failing_after_two_attempts():
    once = replace(a_message(NOW), attempts=1, answer="503")
    assert find(seen_of(), findings=Findings(undelivered=[once])) == ()
    twice = replace(once, attempts=2)
    (trouble,) = find(seen_of(), findings=Findings(undelivered=[twice]))
    assert causes((trouble,)) == [("channel_failing", "channel ops")]
    assert "503" in trouble.error.what


def test_a_channel_that_took_neither_of_two_messages_is_failing():
    waiting = [
        replace(a_message(NOW, about=a_cause(subject)), attempts=1, answer="503")
        for subject in ("practice/app", "practice/other")
    ]
    (trouble,) = find(seen_of(), findings=Findings(undelivered=waiting))
    assert causes((trouble,)) == [("channel_failing", "channel ops")]
    assert "in 2 attempts" in trouble.error.what


def test_invalid_policy_files_are_told_with_their_first_problems():
    problems = [f"policies/a.yaml:{line}:1: wrong" for line in range(5)]
    (trouble,) = find(seen_of(), findings=Findings(problems=problems))
    assert causes((trouble,)) == [("policy_invalid", "the policy files")]
    assert "policies/a.yaml:0:1: wrong" in trouble.error.what
    assert "2 more problems" in trouble.error.what


def test_what_others_found_is_told_beside_it():
    filling = a_trouble("destination local", Event.LOW_STORAGE)
    assert find(seen_of(), findings=Findings(others=[filling])) == (filling,)


def under_way(minutes: int, *, is_gone: bool = False) -> tuple[SeriesObservation, Findings]:
    """A run of a policy whose `max_duration` is an hour."""
    run = a_run(NOW - timedelta(minutes=minutes))
    lease = replace(a_lease(expires_at=NOW + HOUR), run=run.id)
    seen = seen_of(lease=LeaseObservation(lease=lease, holder_is_gone=is_gone))
    return seen, Findings(running=[run])


def within_an_hour() -> DesiredState:
    return a_desired_state(a_policy(source=replace(a_source(), max_duration=HOUR)))


def test_a_run_that_used_half_of_its_time_is_a_trouble_until_it_ends():
    seen, findings = under_way(40)
    (trouble,) = find(seen, findings=findings, desired=within_an_hour())
    assert causes((trouble,)) == [("degraded", "the snapshot of practice/app")]
    assert trouble.since == NOW - timedelta(minutes=10)
    assert "40m ago has used more than 50% of its max_duration of 1h" in trouble.error.what
    assert find(seen, desired=within_an_hour()) == ()


def test_a_run_that_is_young_or_dead_is_none():
    for seen, findings in (under_way(29), under_way(40, is_gone=True)):
        assert find(seen, findings=findings, desired=within_an_hour()) == ()


def test_a_run_that_took_the_whole_of_its_time_is_not_called_well():
    (trouble,) = find(seen_of(failed(error=an_error_report("ORC-212"))))
    assert causes((trouble,)) == [("failed", "practice/app")]
    assert trouble.also == {Event.DEGRADED}


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("postgresql://u:s3cret@db:6432/app", "server db:6432"),
        ("postgresql://db/app", "server db:5432"),
        ("postgresql:///app?host=/run/pg&port=5433", "server /run/pg:5433"),
        ("host=db port=6432 password=s3cret", "server db:6432"),
        ("postgresql:///app", "server on the local socket:5432"),
        ("postgresql://u:s3cret@[::1]:5432/app", "server [::1]:5432"),
    ],
)
def test_a_server_is_named_without_its_secrets(url: str, server: str):
    assert server_of(a_policy(source=a_source(url))) == server
