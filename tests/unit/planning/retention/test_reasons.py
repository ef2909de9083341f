"""Every decision says why, in words that name the rule."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from orchestrator.model.backup import Backup, CopyState
from orchestrator.model.marks import Acknowledgement, Hold, MarkId, Suspicion
from orchestrator.model.names import BackupId, DestinationName
from orchestrator.planning.retention import decide_retention
from orchestrator.planning.retention.copies import RetentionRules
from orchestrator.planning.retention.decide import CopyDecision
from tests.support.builders import a_backup, a_copy, a_damaged_copy, a_retention, utc, without_level
from tests.support.retention_decisions import said_of

NOW = utc("2026-11-22T12:00")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SUSPICION = Suspicion(at=NOW, reasons=("users is empty",))


def decide(
    *backups: Backup,
    now: datetime = NOW,
    min_keep: int = 1,
    **tiers: str,
) -> list[CopyDecision]:
    found = decide_of(*backups, now=now, min_keep=min_keep, **tiers)
    return [found[backup.id] for backup in backups]


def decide_of(
    *backups: Backup,
    now: datetime = NOW,
    min_keep: int = 1,
    **tiers: str,
) -> Mapping[BackupId, CopyDecision]:
    return decide_retention(
        backups,
        destination=DestinationName("local"),
        rules=RetentionRules(
            retention=a_retention(min_keep=min_keep, **(tiers or {"daily": "7d"})),
            zone=ZoneInfo("Europe/London"),
        ),
        now=now,
    )


def a_hold(until: datetime | None = None) -> Hold:
    return Hold(id=MarkId("h"), at=NOW, who="ann@host", reason="audit of 2025", until=until)


def test_a_tier_names_its_window_and_the_bucket_that_is_represented():
    (decision,) = decide(a_backup(NOW - HOUR), daily="7d", weekly="3mo", hourly="7d")
    assert [reason.bucket for reason in decision.reasons[:3]] == [
        "2026-11-22T11h (+0000)",
        "2026-11-22",
        "2026-W47",
    ]
    assert "daily 7d: it represents the day 2026-11-22" in decision.sentence


def test_a_kept_copy_has_all_of_its_reasons():
    (decision,) = decide(a_backup(NOW - 10 * timedelta(minutes=1)))
    assert decision.labels == ("daily", "newest", "min_keep", "young")


def test_a_hold_says_who_why_and_until_when():
    old, new = replace(a_backup(NOW - 90 * DAY), holds=(a_hold(NOW + DAY),)), a_backup(NOW)
    held, _ = decide(old, new)
    assert held.labels == ("held",)
    assert "until 2026-11-23T12:00Z, by ann@host: audit of 2025" in held.sentence


def test_a_hold_whose_time_has_passed_keeps_nothing():
    old = replace(a_backup(NOW - 90 * DAY), holds=(a_hold(NOW),))
    expired, _ = decide(old, a_backup(NOW))
    assert expired.expiry is not None
    assert expired.expiry.since == NOW


def test_an_expired_copy_names_what_represents_its_bucket_and_since_when():
    first, second = a_backup(NOW - 9 * HOUR), a_backup(NOW - 5 * HOUR)
    expired, _ = decide(first, second)
    assert expired.expiry is not None
    assert expired.expiry.since == second.snapshot_at
    assert f"daily 7d: {second.id} represents the day 2026-11-22" in expired.sentence


def test_an_expired_copy_names_the_window_that_passed_it_and_since_when():
    backups = [a_backup(NOW - step * DAY) for step in (9, 3, 1, 0)]
    expired = decide(*backups)[0]
    assert expired.expiry is not None
    assert expired.expiry.since == NOW - DAY  # the first newest whose seven days end after it
    assert "the day 2026-11-13 is older than the window" in expired.sentence


def test_min_keep_counts_for_since_when():
    backups = [a_backup(NOW - step * DAY) for step in (30, 9, 2)]
    expired = decide(*backups, daily="1d", min_keep=2)[0]
    assert expired.expiry is not None
    assert expired.expiry.since == NOW - 2 * DAY


def test_an_unverified_copy_is_told_that_min_keep_is_not_for_it():
    backups = [without_level(a_backup(NOW - 30 * DAY)), a_backup(NOW)]
    assert "min_keep 1: it is not verified" in decide(*backups)[0].sentence


def test_a_suspicious_backup_is_not_eligible_until_it_is_acknowledged():
    suspicious = replace(a_backup(NOW - DAY), suspicion=SUSPICION)
    decision, _ = decide(suspicious, a_backup(NOW))
    assert not decision.is_kept
    assert "suspicious" in decision.sentence
    known = Acknowledgement(id=MarkId("a"), at=NOW, who="ann@host", reason="it is right")
    decision, _ = decide(replace(suspicious, acknowledged=known), a_backup(NOW))
    assert decision.labels == ("daily",)


def test_a_suspicious_backup_does_not_move_the_windows():
    old = a_backup(NOW - 30 * DAY)
    kept, _ = decide(old, replace(a_backup(NOW), suspicion=SUSPICION))
    assert kept.labels == ("daily", "newest", "min_keep")


def test_a_damaged_copy_says_what_it_would_be_were_it_whole():
    damaged, aged = (a_backup(NOW - step * DAY, copies=[a_damaged_copy()]) for step in (3, 30))
    decisions = decide(damaged, aged, a_backup(NOW))
    assert [one.expiry.kept_if_whole for one in decisions[:2] if one.expiry] == [("daily",), ()]


def test_a_copy_whose_removal_has_begun_counts_for_nothing():
    going = a_backup(NOW, copies=[a_copy(state=CopyState.PRUNING)])
    old = a_backup(NOW - 30 * DAY)
    assert said_of(decide_of(old, going)) == said_of(decide_of(old))


def test_of_backups_with_equal_times_one_represents_the_bucket():
    one = a_backup(NOW - DAY)
    other = replace(one, id=BackupId(one.id[:-6] + "ffffff"))
    assert [bool(found.labels) for found in decide(one, other)] == [False, True]


def test_the_copy_that_was_taken_last_stays_though_a_clock_that_went_back_made_it_look_older():
    ahead = a_backup(NOW - HOUR, sequence=7)
    last = a_backup(NOW - 3 * HOUR, sequence=8)
    found = decide_of(ahead, last, daily="7d")
    assert found[last.id].labels == ("newest",)
    assert found[last.id].sentence.startswith("newest: the verified copy that was taken last")
    assert "newest" in found[ahead.id].labels
