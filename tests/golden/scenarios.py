"""The situations of the golden plans: the name of each function is the rule that it shows."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

from orchestrator.model.lease import Lease
from orchestrator.model.observation import LeaseObservation, Observation
from orchestrator.model.policy import DesiredState
from orchestrator.model.run import RunState
from orchestrator.model.verification import Level
from tests.support.builders import (
    a_backup,
    a_copy,
    a_damaged_copy,
    a_desired_state,
    a_lease,
    a_pause,
    a_policy,
    a_retention,
    a_revision,
    a_run,
    a_schedule,
    a_series,
    a_series_observation,
    a_source,
    an_observation,
    schedules_in_force,
    utc,
    without_level,
)

DAILY = a_schedule("daily", "0 2 * * *", catch_up=timedelta(hours=6))
FREQUENT = a_schedule("frequent", "0 */6 * * *", catch_up=timedelta(hours=3))
LONDON = a_policy(timezone="Europe/London", schedules=[DAILY, FREQUENT])


@dataclass(frozen=True)
class Scenario:
    desired: DesiredState
    observation: Observation


SCENARIOS: dict[str, Callable[[], Scenario]] = {}


def scenario(build: Callable[[], Scenario]) -> Callable[[], Scenario]:
    SCENARIOS[build.__name__] = build
    return build


def one_series(
    now: str, newest_at: str | None, *, lease: LeaseObservation | None = None
) -> Scenario:
    """The London policy, applied long ago, with one proved backup or none."""
    newest = None if newest_at is None else a_backup(utc(newest_at))
    seen = a_series_observation(newest=newest, lease=lease)
    since = schedules_in_force(LONDON)
    return Scenario(a_desired_state(LONDON), an_observation(utc(now), seen, schedules_since=since))


def a_held_lease() -> Lease:
    return a_lease(utc("2026-06-01T04:00"))


@scenario
def a_series_without_any_backup_is_due_at_once() -> Scenario:
    observation = an_observation(utc("2026-06-01T10:00"), applied_revision=None)
    return Scenario(a_desired_state(LONDON), observation)


@scenario
def nothing_is_due_when_the_newest_slot_has_its_backup() -> Scenario:
    return one_series("2026-06-01T03:00", "2026-06-01T01:00:20")


@scenario
def schedules_that_are_due_together_share_one_backup() -> Scenario:
    return one_series("2026-06-01T05:30", "2026-05-31T23:00:20")


@scenario
def only_the_newest_of_several_missed_slots_runs() -> Scenario:
    return one_series("2026-06-05T05:30", "2026-06-01T05:00:20")


@scenario
def a_slot_older_than_catch_up_is_missed_and_not_made_up_for() -> Scenario:
    daily_only = a_policy(timezone="Europe/London", schedules=[DAILY])
    seen = a_series_observation(newest=a_backup(utc("2026-05-31T01:00:20")))
    since = schedules_in_force(daily_only)
    observation = an_observation(utc("2026-06-01T07:00:01"), seen, schedules_since=since)
    return Scenario(a_desired_state(daily_only), observation)


@scenario
def a_new_schedule_never_fires_retroactively() -> Scenario:
    known = one_series("2026-06-01T08:00", "2026-05-20T01:00:20")
    return replace(known, observation=replace(known.observation, schedules_since={}))


@scenario
def an_edited_schedule_promises_nothing_before_it_was_applied() -> Scenario:
    known = one_series("2026-06-01T05:30", "2026-05-20T01:00:20")
    since = schedules_in_force(LONDON, since=utc("2026-06-01T05:10"))
    return replace(known, observation=replace(known.observation, schedules_since=since))


@scenario
def a_series_that_another_run_holds_is_left_alone() -> Scenario:
    held = LeaseObservation(lease=a_held_lease(), holder_is_gone=False)
    return one_series("2026-06-01T03:30", None, lease=held)


@scenario
def a_dead_run_is_recovered_before_the_backup_that_is_due() -> Scenario:
    abandoned = LeaseObservation(lease=a_held_lease(), holder_is_gone=True)
    return one_series("2026-06-01T05:30", "2026-05-31T23:00:20", lease=abandoned)


@scenario
def the_newest_backup_is_proved_even_if_another_is_due() -> Scenario:
    policy = replace(LONDON, after_backup=Level.CONTENT)
    copies = [a_copy("local", level=Level.OBJECTS), a_damaged_copy("offsite"), a_copy("elsewhere")]
    newest = a_backup(utc("2026-05-31T23:00:20"), copies=copies)
    since = schedules_in_force(policy)
    seen = a_series_observation(newest=newest)
    observation = an_observation(utc("2026-06-01T05:30"), seen, schedules_since=since)
    return Scenario(a_desired_state(policy), observation)


@scenario
def an_unproved_copy_of_the_newest_backup_is_verified() -> Scenario:
    newest = without_level(a_backup(utc("2026-06-01T01:00:20")))
    seen = a_series_observation(newest=newest)
    since = schedules_in_force(LONDON)
    observation = an_observation(utc("2026-06-01T03:00"), seen, schedules_since=since)
    return Scenario(a_desired_state(LONDON), observation)


@scenario
def damaged_backups_alone_do_not_count_as_backups() -> Scenario:
    seen = a_series_observation(backups=2)
    observation = an_observation(utc("2026-06-01T10:00"), seen)
    return Scenario(a_desired_state(LONDON), observation)


@scenario
def a_failed_attempt_is_named_when_its_slot_is_tried_again() -> Scenario:
    known = one_series("2026-06-01T05:30", "2026-05-31T23:00:20")
    failed = a_run(utc("2026-06-01T05:00:03"), state=RunState.FAILED)
    seen = replace(known.observation.series[a_series()], failures=(failed,))
    return replace(known, observation=replace(known.observation, series={a_series(): seen}))


@scenario
def the_most_overdue_series_comes_first() -> Scenario:
    policies = [
        a_policy("alpha", source=a_source(databases=["b", "a"]), schedules=[FREQUENT]),
        a_policy("beta", schedules=[DAILY], retention=a_retention(daily="7d")),
        a_policy("gamma", schedules=[DAILY]),
    ]
    newest = [
        a_series_observation(newest=a_backup(utc("2026-05-31T20:00"), series=a_series(*names)))
        for names in [("alpha", "a"), ("alpha", "b"), ("beta", "app")]
    ]
    since = schedules_in_force(*policies)
    observation = an_observation(utc("2026-06-01T06:30"), *newest, schedules_since=since)
    return Scenario(a_desired_state(*policies), observation)


@scenario
def next_slots_are_shown_in_local_time_across_the_spring_change() -> Scenario:
    return one_series("2026-03-28T20:00", "2026-03-28T18:00:20")


@scenario
def a_new_revision_is_announced() -> Scenario:
    known = one_series("2026-06-01T03:00", "2026-06-01T01:00:20")
    revision = a_revision("feed" + "0" * 60, git_commit="0123456789abcdef" + "0" * 24)
    return replace(known, desired=replace(known.desired, revision=revision))


@scenario
def a_paused_policy_takes_nothing_and_says_what_waits() -> Scenario:
    known = one_series("2026-06-01T03:00", "2026-05-31T01:00:20")
    seen = known.observation.series[a_series()]
    paused = replace(seen, pause=a_pause(utc("2026-06-01T18:00"), since=utc("2026-06-01T00:30")))
    return replace(known, observation=replace(known.observation, series={a_series(): paused}))
