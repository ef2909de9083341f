"""Retries, pauses, missed slots and wrong clocks in the plan (design §7; F44, F67, F69, F71)."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from orchestrator.model.actions import CollectChunks, TakeBackup
from orchestrator.model.backup import Backup, RunReason, Trigger
from orchestrator.model.names import DestinationName, ScheduleName
from orchestrator.model.observation import SeriesObservation
from orchestrator.model.plan import Plan, Retry, SkipKind, Skipped
from orchestrator.model.policy import Policy
from orchestrator.model.pruning import UpkeepPlan
from orchestrator.model.run import Run, RunState
from orchestrator.planning.due import COUNTED_ONCE, last_good
from orchestrator.planning.planner import make_plan, wake_time
from orchestrator.planning.promises import assess_promises
from tests.support.builders import (
    a_backup,
    a_desired_state,
    a_pause,
    a_policy,
    a_reason,
    a_run,
    a_schedule,
    a_series,
    a_series_observation,
    a_slot,
    an_error_report,
    an_observation,
    schedules_in_force,
    utc,
)

DAILY = a_policy(schedules=[a_schedule("daily", "0 2 * * *", catch_up=timedelta(hours=6))])
HOURLY = a_policy(schedules=[a_schedule("hourly", "0 * * * *", catch_up=timedelta(hours=1))])
YESTERDAY = a_backup(utc("2026-05-31T02:00"))
SECOND = timedelta(seconds=1)


def plan_at(
    now: str,
    seen: SeriesObservation,
    *,
    policy: Policy = DAILY,
    since: str = "2020-01-01T00:00",
    retry: Retry = Retry.BACK_OFF,
) -> Plan:
    in_force = schedules_in_force(policy, since=utc(since))
    observation = an_observation(utc(now), seen, schedules_since=in_force)
    return make_plan(a_desired_state(policy), observation, retry=retry)


def failures(*times: str, code: str = "ORC-201") -> Sequence[Run]:
    error = an_error_report(code)
    return [a_run(utc(time), state=RunState.FAILED, error=error) for time in times]


def skip_of(plan: Plan, kind: SkipKind) -> Skipped:
    (found,) = (skip for skip in plan.skipped if skip.kind is kind)
    return found


def backups_in(plan: Plan) -> list[TakeBackup]:
    return [action for action in plan.actions if isinstance(action, TakeBackup)]


# ------------------------------------------------------------------ retries
def test_a_failed_slot_is_put_off_with_the_time_of_the_next_try():
    seen = a_series_observation(newest=YESTERDAY, failures=failures("2026-06-01T02:00:05"))
    plan = plan_at("2026-06-01T02:01:10", seen)
    assert not plan.actions
    skip = skip_of(plan, SkipKind.BACKING_OFF)
    assert skip.until is not None
    assert utc("2026-06-01T02:01:50") < skip.until < utc("2026-06-01T02:02:20")
    assert "cannot connect to the server [ORC-201]; the next try is at" in skip.reason
    assert wake_time(plan) == skip.until
    assert backups_in(plan_at(f"{skip.until:%Y-%m-%dT%H:%M:%S}", seen))


def test_who_asks_for_a_pass_gets_another_try_at_once():
    seen = a_series_observation(newest=YESTERDAY, failures=failures("2026-06-01T02:00:05"))
    assert backups_in(plan_at("2026-06-01T02:01:10", seen, retry=Retry.AT_ONCE))


def test_failures_of_an_older_slot_do_not_put_off_a_new_one():
    frequent = a_policy(schedules=[a_schedule("hourly", "0 * * * *")])
    old = failures("2026-06-01T02:57", "2026-06-01T02:58", "2026-06-01T02:59:30")
    seen = a_series_observation(newest=YESTERDAY, failures=old)
    assert backups_in(plan_at("2026-06-01T03:00:00", seen, policy=frequent))


def test_a_refused_login_is_tried_twice_in_a_window_and_again_for_the_next_slot():
    refused = failures("2026-06-01T02:00:05", "2026-06-01T02:03:00", code="ORC-202")
    seen = a_series_observation(newest=YESTERDAY, failures=refused)
    assert backups_in(plan_at("2026-06-01T02:30", replace(seen, failures=refused[:1])))
    plan = plan_at("2026-06-01T07:59", seen)
    assert not plan.actions
    assert skip_of(plan, SkipKind.BACKING_OFF).until is None
    assert wake_time(plan) == utc("2026-06-02T02:00")
    assert backups_in(plan_at("2026-06-02T02:00", seen))
    assert backups_in(plan_at("2026-06-01T07:59", seen, retry=Retry.AT_ONCE))


def test_the_first_backup_of_a_series_is_put_off_after_a_failure_like_any_other():
    seen = a_series_observation(failures=failures("2026-06-01T02:00:05"))
    assert not plan_at("2026-06-01T02:01:10", seen).actions
    assert backups_in(plan_at("2026-06-01T02:04:00", seen))


def test_a_refused_first_login_is_tried_again_with_the_next_slot_or_day():
    refused = failures("2026-06-01T03:00", "2026-06-01T03:05", code="ORC-202")
    seen = a_series_observation(failures=refused)
    assert not plan_at("2026-06-02T01:59:59", seen).actions
    assert backups_in(plan_at("2026-06-02T02:00:00", seen))
    never = a_policy(schedules=[])
    assert not plan_at("2026-06-02T02:59", seen, policy=never).actions
    assert backups_in(plan_at("2026-06-02T03:00:01", seen, policy=never))


# ------------------------------------------------------------------ pauses
def test_a_paused_policy_takes_nothing_and_says_what_waits():
    seen = a_series_observation(newest=YESTERDAY, pause=a_pause(utc("2026-06-01T06:00")))
    plan = plan_at("2026-06-01T02:10", seen, retry=Retry.AT_ONCE)
    assert not plan.actions
    skip = skip_of(plan, SkipKind.PAUSED)
    assert skip.until == utc("2026-06-01T06:00")
    assert skip.reason.startswith("paused until 2026-06-01T06:00Z by backup@backup-host, and")
    assert "daily was due at 2026-06-01T02:00Z" in skip.reason
    assert wake_time(plan) == skip.until


def test_a_paused_series_without_any_backup_takes_none():
    seen = a_series_observation(pause=a_pause(utc("2026-06-01T06:00")))
    assert not plan_at("2026-06-01T02:10", seen).actions


def test_a_paused_policy_is_not_tidied_up_either():
    collect = CollectChunks(series=a_series(), destination=DestinationName("local"), reason="old")
    seen = replace(a_series_observation(newest=YESTERDAY), upkeep=UpkeepPlan(actions=(collect,)))
    paused = replace(seen, pause=a_pause(utc("2026-06-01T06:00")))
    assert plan_at("2026-06-01T01:00", seen).actions == (collect,)
    assert plan_at("2026-06-01T01:00", paused).actions == ()


def test_a_pause_ends_by_itself_and_what_was_due_is_made_up_for():
    seen = a_series_observation(newest=YESTERDAY, pause=a_pause(utc("2026-06-01T06:00")))
    assert backups_in(plan_at("2026-06-01T06:00", seen))


def test_a_pause_that_lasts_too_long_breaks_the_promise_and_the_sentence_says_why():
    seen = a_series_observation(newest=YESTERDAY, pause=a_pause(utc("2026-07-01T00:00")))
    since = schedules_in_force(DAILY)
    [early] = assess_promises(DAILY, seen, schedules_since=since, now=utc("2026-06-01T02:30"))
    [late] = assess_promises(DAILY, seen, schedules_since=since, now=utc("2026-06-01T02:31"))
    assert early.is_kept
    assert not late.is_kept
    assert "; paused until 2026-07-01T00:00Z by backup@backup-host; the next slot" in late.sentence


def test_a_pause_whose_time_has_passed_is_still_said():
    seen = a_series_observation(newest=YESTERDAY, pause=a_pause(utc("2026-06-01T00:00")))
    [promise] = assess_promises(DAILY, seen, schedules_since={}, now=utc("2026-06-01T01:00"))
    assert "was paused until 2026-06-01T00:00Z by backup@backup-host, which has passed" in (
        promise.sentence
    )


# ------------------------------------------------------------------ missed slots
def test_after_a_year_one_slot_is_made_up_for_and_the_others_are_recorded_as_missed():
    seen = a_series_observation(newest=a_backup(utc("2025-06-01T02:00")))
    plan = plan_at("2026-06-01T02:10", seen)
    (action,) = backups_in(plan)
    assert action.run_reason.slots == (a_slot("2026-06-01T02:00", "daily"),)
    (missed,) = plan.missed
    assert (missed.count, missed.at_least, missed.counted_from) == (364, False, None)
    assert missed.first == utc("2025-06-02T02:00")
    assert missed.last == utc("2026-05-31T02:00")


def test_what_was_recorded_as_missed_is_not_recorded_again():
    until = {ScheduleName("daily"): utc("2026-05-30T02:00")}
    seen = a_series_observation(newest=a_backup(utc("2026-05-01T02:00")))
    (missed,) = plan_at("2026-06-01T02:10", replace(seen, missed_until=until)).missed
    assert (missed.count, missed.counted_from) == (1, utc("2026-05-30T02:00"))
    until = {ScheduleName("daily"): utc("2026-05-31T02:00")}
    assert not plan_at("2026-06-01T02:10", replace(seen, missed_until=until)).missed


def test_a_slot_is_missed_only_when_nothing_can_make_up_for_it():
    seen = a_series_observation(newest=YESTERDAY)
    assert not plan_at("2026-06-01T08:00:00", seen).missed
    (missed,) = plan_at("2026-06-01T08:00:01", seen).missed
    assert (missed.count, missed.first, missed.last) == (1, *2 * [utc("2026-06-01T02:00")])


def test_slots_before_the_schedule_was_applied_are_not_missed():
    seen = a_series_observation(newest=a_backup(utc("2026-01-01T02:00")))
    assert not plan_at("2026-06-01T02:10", seen, since="2026-06-01T00:00").missed


def test_a_series_that_never_had_a_backup_misses_slots_too():
    plan = plan_at("2026-06-03T02:10", a_series_observation(), since="2026-06-01T00:00")
    (missed,) = plan.missed
    assert (missed.count, missed.last) == (2, utc("2026-06-02T02:00"))
    assert backups_in(plan)[0].run_reason.trigger is Trigger.FIRST


def test_an_endless_number_of_missed_slots_is_not_counted_to_its_end():
    minutely = a_policy(schedules=[a_schedule("minutely", "* * * * *")])
    seen = a_series_observation(newest=a_backup(utc("2026-05-01T00:00")))
    (missed,) = plan_at("2026-06-01T00:00:30", seen, policy=minutely).missed
    assert (missed.count, missed.at_least) == (COUNTED_ONCE, True)
    assert missed.last == utc("2026-05-31T23:59")


# ------------------------------------------------------------------ wrong clocks
def future(backup: Backup, **changes: object) -> Backup:
    return replace(backup, **changes)  # type: ignore[arg-type]  # fields of the dataclass


def test_a_backup_from_the_future_answers_nothing_after_the_clock_was_set_back():
    wrong = future(a_backup(utc("2027-06-01T02:00")), sequence=2)
    assert last_good([YESTERDAY, wrong], utc("2026-06-01T02:10")) == YESTERDAY
    right = a_backup(utc("2026-06-01T02:10"), sequence=3)
    assert last_good([YESTERDAY, wrong, right], utc("2027-06-02T02:00")) == right


def test_a_safety_copy_keeps_no_promise_and_is_not_the_last_good_backup():
    reason = RunReason(trigger=Trigger.BEFORE_RESTORE)
    saved = replace(a_backup(utc("2026-06-01T02:10"), sequence=2), reason=reason)
    assert last_good([YESTERDAY, saved], utc("2026-06-01T02:20")) == YESTERDAY
    assert last_good([saved], utc("2026-06-01T02:20")) is None


def test_a_schedule_that_was_applied_in_the_future_is_in_force_from_now_on():
    seen = a_series_observation(newest=YESTERDAY)
    plan = plan_at("2026-06-01T02:10", seen, since="2027-06-01T00:00")
    assert not plan.actions
    assert not plan.missed


def test_a_database_whose_clock_is_behind_still_answers_the_slot_that_it_was_asked_for():
    behind = a_backup(utc("2026-06-01T01:50"), reason=a_reason(a_slot("2026-06-01T02:00")))
    seen = a_series_observation(newest=behind)
    assert not plan_at("2026-06-01T02:10", seen).actions
    since = schedules_in_force(DAILY)
    [promise] = assess_promises(DAILY, seen, schedules_since=since, now=utc("2026-06-01T03:00"))
    assert promise.is_kept


def test_a_database_whose_clock_is_a_year_ahead_answers_no_slot_of_that_year():
    ahead = future(
        a_backup(utc("2027-06-01T02:00"), sequence=2), finished_at=utc("2026-06-01T02:01")
    )
    now = utc("2026-06-01T02:10")
    assert last_good([YESTERDAY, ahead], now) == ahead
    seen = a_series_observation(newest=ahead)
    assert not plan_at("2026-06-01T02:10", seen).actions
    assert backups_in(plan_at("2026-06-02T02:00", seen))


def test_a_mark_of_missed_slots_from_the_future_is_counted_anew():
    seen = replace(
        a_series_observation(newest=a_backup(utc("2026-06-01T02:00"))),
        missed_until={ScheduleName("hourly"): utc("2027-01-01T00:00")},
    )
    (missed,) = plan_at("2026-06-01T06:10", seen, policy=HOURLY).missed
    assert (missed.counted_from, missed.count) == (utc("2027-01-01T00:00"), 3)
    assert missed.first - SECOND > utc("2026-06-01T02:00")
