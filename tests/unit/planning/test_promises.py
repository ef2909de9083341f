"""When a promise counts as broken (design §7, "Due.")."""

from datetime import datetime, timedelta

from orchestrator.planning.promises import Promise, assess_promises
from tests.support.builders import (
    LONG_AGO,
    a_backup,
    a_policy,
    a_schedule,
    a_series_observation,
    schedules_in_force,
    utc,
    without_level,
)

GRACE = timedelta(minutes=30)
DAILY = a_policy(schedules=[a_schedule("daily", "0 2 * * *", grace=GRACE)])


def promise_at(now: str, newest_at: str | None, *, since: datetime = LONG_AGO) -> Promise:
    newest = None if newest_at is None else a_backup(utc(newest_at))
    [promise] = assess_promises(
        DAILY,
        a_series_observation(newest=newest),
        schedules_since=schedules_in_force(DAILY, since=since),
        now=utc(now),
    )
    return promise


def test_a_promise_holds_until_grace_after_the_slot_has_passed():
    assert promise_at("2026-06-01T02:30", "2026-05-31T02:00").is_kept
    assert not promise_at("2026-06-01T02:30:01", "2026-05-31T02:00").is_kept


def test_a_backup_at_or_after_the_slot_keeps_it():
    assert promise_at("2026-06-01T12:00", "2026-06-01T02:00").is_kept
    assert not promise_at("2026-06-01T12:00", "2026-06-01T01:59:59").is_kept


def test_a_late_backup_mends_the_promise():
    assert promise_at("2026-06-01T12:00", "2026-06-01T11:00").is_kept


def test_a_broken_promise_is_broken_since_the_first_slot_without_a_backup():
    promise = promise_at("2026-06-05T12:00", "2026-06-01T02:00:10")
    assert promise.broken_since == utc("2026-06-02T02:30")
    assert promise.sentence.startswith(
        "broken since 2026-06-02T02:30Z: the slot 2026-06-02T02:00Z has no backup;"
    )


def test_a_series_that_never_succeeded_breaks_its_promise():
    promise = promise_at("2026-06-05T12:00", None, since=utc("2026-06-03T12:00"))
    assert promise.broken_since == utc("2026-06-04T02:30")
    assert "never had a backup" in promise.sentence


def test_no_promise_is_kept_while_no_backup_has_an_intact_copy():
    [promise] = assess_promises(
        DAILY,
        a_series_observation(backups=2),
        schedules_since=schedules_in_force(DAILY, since=utc("2026-06-05T03:00")),
        now=utc("2026-06-05T12:00"),
    )
    assert not promise.is_kept
    assert promise.broken_since is None
    assert promise.sentence == (
        "not kept: no copy of its 2 backups is intact (backups from the future and safety copies are not counted);"
        " the next slot is 2026-06-06T02:00Z"
    )


def test_a_missed_slot_of_a_series_with_damaged_backups_alone_says_what_is_left():
    [promise] = assess_promises(
        DAILY,
        a_series_observation(backups=1),
        schedules_since=schedules_in_force(DAILY),
        now=utc("2026-06-05T12:00"),
    )
    assert promise.broken_since is not None
    assert "no copy of its 1 backup is intact" in promise.sentence
    assert "never had a backup" not in promise.sentence


def test_slots_before_the_schedule_was_applied_are_nobodys_promise():
    assert promise_at("2026-06-05T12:00", "2026-06-01T02:00", since=utc("2026-06-05T02:01")).is_kept
    at_the_slot = promise_at("2026-06-05T12:00", "2026-06-01T02:00", since=utc("2026-06-05T02:00"))
    assert at_the_slot.broken_since == utc("2026-06-05T02:30")


def test_a_schedule_that_was_never_applied_promises_nothing_yet():
    [promise] = assess_promises(
        DAILY, a_series_observation(), schedules_since={}, now=utc("2026-06-05T12:00")
    )
    assert promise.is_kept


def test_the_sentence_names_newest_backup_proof_and_next_slot():
    promise = promise_at("2026-06-01T12:00", "2026-06-01T02:00")
    assert promise.sentence == (
        f"kept: the newest backup is {a_backup(utc('2026-06-01T02:00')).id}, 10h old,"
        " verified to objects; the next slot is 2026-06-02T02:00Z"
    )
    assert promise.next_slot == utc("2026-06-02T02:00")


def test_an_unproved_backup_is_said_to_be_unproved():
    newest = without_level(a_backup(utc("2026-06-01T02:00")))
    [promise] = assess_promises(
        DAILY, a_series_observation(newest=newest), schedules_since={}, now=utc("2026-06-01T12:00")
    )
    assert "10h old, not verified" in promise.sentence


def test_each_schedule_has_its_own_promise_sorted_by_name():
    policy = a_policy(schedules=[a_schedule("hourly", "0 * * * *", grace=GRACE), *DAILY.schedules])
    promises = assess_promises(
        policy,
        a_series_observation(newest=a_backup(utc("2026-06-01T02:00"))),
        schedules_since=schedules_in_force(policy),
        now=utc("2026-06-01T12:00"),
    )
    found = [(promise.schedule, promise.is_kept) for promise in promises]
    assert found == [("daily", True), ("hourly", False)]
