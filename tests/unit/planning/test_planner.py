"""Edges of planning that the golden plans do not show."""

from datetime import timedelta

from orchestrator.model.actions import RecoverSeries, TakeBackup, VerifyCopy
from orchestrator.model.backup import Trigger
from orchestrator.model.names import DestinationName
from orchestrator.model.observation import LeaseObservation
from orchestrator.model.plan import Plan, SkipKind
from orchestrator.model.policy import Policy
from orchestrator.model.verification import Level
from orchestrator.planning.planner import make_plan
from tests.support.builders import (
    a_backup,
    a_copy,
    a_damaged_copy,
    a_desired_state,
    a_lease,
    a_policy,
    a_revision,
    a_schedule,
    a_series_observation,
    a_slot,
    an_observation,
    schedules_in_force,
    utc,
)

CATCH_UP = timedelta(hours=6)
DAILY = a_policy(schedules=[a_schedule("daily", "0 2 * * *", catch_up=CATCH_UP)])


def plan_at(now: str, newest_at: str | None, *, policy: Policy = DAILY) -> Plan:
    newest = None if newest_at is None else a_backup(utc(newest_at))
    since = schedules_in_force(policy)
    observation = an_observation(
        utc(now), a_series_observation(newest=newest), schedules_since=since
    )
    return make_plan(a_desired_state(policy), observation)


def kinds(plan: Plan) -> set[SkipKind]:
    return {skip.kind for skip in plan.skipped}


def test_a_slot_is_due_until_exactly_catch_up_after_it():
    assert plan_at("2026-06-01T08:00", "2026-05-31T02:00").actions
    assert not plan_at("2026-06-01T08:00:01", "2026-05-31T02:00").actions


def test_a_slot_is_due_from_its_very_instant():
    assert plan_at("2026-06-01T02:00", "2026-05-31T02:00").actions
    assert not plan_at("2026-06-01T01:59:59", "2026-05-31T02:00").actions


def test_a_backup_taken_just_before_a_slot_does_not_answer_it():
    assert plan_at("2026-06-01T02:00", "2026-06-01T01:59:59").actions
    assert not plan_at("2026-06-01T02:10", "2026-06-01T02:00").actions


def test_a_due_backup_names_its_slots_destinations_and_level():
    policy = a_policy(destinations=["offsite", "local"], after_backup=Level.CONTENT)
    action = plan_at("2026-06-01T02:05", "2026-05-31T02:00", policy=policy).actions[-1]
    assert isinstance(action, TakeBackup)
    assert action.run_reason.trigger is Trigger.SCHEDULE
    assert action.run_reason.slots == (a_slot("2026-06-01T02:00", "daily"),)
    assert action.destinations == policy.destinations
    assert action.verify_to is Level.CONTENT


def test_a_slot_at_the_instant_of_the_first_apply_is_promised():
    newest = a_series_observation(newest=a_backup(utc("2026-05-31T02:00")))
    since = schedules_in_force(DAILY, since=utc("2026-06-01T02:00"))
    observation = an_observation(utc("2026-06-01T02:05"), newest, schedules_since=since)
    assert make_plan(a_desired_state(DAILY), observation).actions


def test_a_schedule_of_another_time_zone_is_another_schedule():
    newest = a_series_observation(newest=a_backup(utc("2026-05-31T02:00")))
    moved = a_policy(timezone="Europe/London", schedules=DAILY.schedules)
    since = schedules_in_force(DAILY)
    observation = an_observation(utc("2026-06-01T02:05"), newest, schedules_since=since)
    assert not make_plan(a_desired_state(moved), observation).actions


def test_a_missed_slot_is_not_called_not_due():
    assert kinds(plan_at("2026-06-01T09:00", "2026-05-31T02:00")) == {SkipKind.MISSED}


def test_a_policy_without_schedules_takes_its_first_backup_only():
    policy = a_policy(schedules=[])
    assert plan_at("2026-06-01T09:00", None, policy=policy).actions
    later = plan_at("2026-06-01T09:00", "2026-05-31T02:00", policy=policy)
    assert not later.actions
    assert "no schedule has a slot to come" in later.skipped[0].reason


def test_actions_recover_first_then_verify_then_take():
    newest = a_backup(utc("2026-05-31T02:00"), copies=[a_copy(level=None)])
    lease = LeaseObservation(lease=a_lease(utc("2026-06-01T02:30")), holder_is_gone=True)
    observation = an_observation(
        utc("2026-06-01T03:00"),
        a_series_observation(newest=newest, lease=lease),
        schedules_since=schedules_in_force(DAILY),
    )
    actions = make_plan(a_desired_state(DAILY), observation).actions
    assert [type(action) for action in actions] == [RecoverSeries, VerifyCopy, TakeBackup]


def test_only_complete_copies_at_the_policys_destinations_are_proved():
    policy = a_policy(destinations=["b", "a", "c"])
    copies = [a_copy("b", level=None), a_copy("a", level=Level.STORED), a_damaged_copy("c")]
    newest = a_backup(utc("2026-06-01T02:00"), copies=[*copies, a_copy("gone", level=None)])
    observation = an_observation(utc("2026-06-01T03:00"), a_series_observation(newest=newest))
    actions = make_plan(a_desired_state(policy), observation).actions
    places = [action.destination for action in actions if isinstance(action, VerifyCopy)]
    assert places == [DestinationName("a"), DestinationName("b")]


def test_every_series_has_a_timetable_even_while_it_is_locked():
    lease = LeaseObservation(lease=a_lease(utc("2026-06-01T04:00")), holder_is_gone=False)
    seen = a_series_observation(lease=lease)
    plan = make_plan(a_desired_state(DAILY), an_observation(utc("2026-06-01T03:00"), seen))
    assert kinds(plan) == {SkipKind.LOCKED}
    assert len(plan.timetables[0].next_slots) == 3


def test_the_revision_is_new_until_it_is_the_applied_one():
    desired = a_desired_state(DAILY, revision=a_revision("new"))
    now = utc("2026-06-01T03:00")
    assert make_plan(desired, an_observation(now, applied_revision="old")).revision_is_new
    assert make_plan(desired, an_observation(now, applied_revision=None)).revision_is_new
    assert not make_plan(desired, an_observation(now, applied_revision="new")).revision_is_new
