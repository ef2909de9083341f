"""Which rules keep a backup, as labels (design §7, "Tiers.")."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from orchestrator.model.backup import Backup, Copy, RunReason, Trigger
from orchestrator.model.names import BackupId, DestinationName
from orchestrator.model.policy import Retention
from orchestrator.model.verification import Level
from orchestrator.planning.retention import label_backups
from tests.support.builders import (
    a_backup,
    a_copy,
    a_damaged_copy,
    a_retention,
    a_series,
    utc,
    without_level,
)

LONDON = ZoneInfo("Europe/London")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def label(
    backups: Sequence[Backup],
    *,
    retention: Retention | None = None,
    zone: ZoneInfo = LONDON,
    now: datetime | None = None,
) -> Mapping[BackupId, tuple[str, ...]]:
    return label_backups(
        backups,
        destination=DestinationName("local"),
        retention=retention or a_retention(min_keep=1),
        zone=zone,
        now=now or max(backup.snapshot_at for backup in backups) + 2 * HOUR,
    )


def labels_in_order(
    backups: Sequence[Backup], *, retention: Retention | None = None, now: datetime | None = None
) -> list[tuple[str, ...]]:
    found = label(backups, retention=retention, now=now)
    return [found[backup.id] for backup in backups]


def backups_every(step: timedelta, number: int, last: datetime) -> list[Backup]:
    return [a_backup(last - step * back) for back in reversed(range(number))]


def backups_at(*times: str, copy: Copy | None = None) -> list[Backup]:
    return [a_backup(utc(time), copies=[copy or a_copy()]) for time in times]


def kept(labels: Mapping[BackupId, tuple[str, ...]]) -> int:
    return sum(1 for words in labels.values() if words)


def test_hourly_backups_of_500_days_settle_at_about_210():
    labels = label(backups_every(HOUR, 500 * 24, utc("2026-11-22T02:00")))
    assert 205 <= kept(labels) <= 215


def test_daily_backups_of_500_days_settle_at_about_49():
    labels = label(backups_every(DAY, 500, utc("2026-11-22T02:00")))
    assert 46 <= kept(labels) <= 52


def test_the_newest_of_a_bucket_represents_it():
    backups = backups_at("2026-11-20T02:00", "2026-11-20T14:00", "2026-11-21T02:00")
    labels = labels_in_order(backups, retention=a_retention(min_keep=1, daily="30d"))
    assert labels == [(), ("daily",), ("daily", "newest", "min_keep")]


def test_labels_stand_from_fine_to_coarse_and_always_kept_last():
    [labels] = labels_in_order(backups_at("2026-11-20T02:00"))
    assert labels == ("hourly", "daily", "weekly", "monthly", "newest", "min_keep")


def test_an_unverified_backup_does_not_displace_a_verified_one():
    good, [unproved] = backups_at("2026-11-20T02:00"), backups_at("2026-11-20T14:00")
    backups = [*good, without_level(unproved)]
    labels = labels_in_order(backups, retention=a_retention(min_keep=1, daily="30d"))
    assert labels == [("daily", "newest", "min_keep"), ()]


def test_what_a_restore_replaced_does_not_displace_the_backup_of_the_night():
    good, [state] = backups_at("2026-11-20T02:00"), backups_at("2026-11-20T14:00")
    replaced = replace(state, reason=RunReason(trigger=Trigger.BEFORE_RESTORE))
    labels = labels_in_order([*good, replaced], retention=a_retention(min_keep=1, daily="30d"))
    assert labels == [("daily", "newest", "min_keep"), ()]
    assert labels_in_order([replaced], retention=a_retention(daily="30d"))[0][0] == "daily"


def test_safety_copies_of_an_emergency_after_an_outage_let_no_good_backup_go():
    good = backups_at("2026-09-01T02:00", "2026-09-02T02:00", "2026-09-03T02:00")
    replaced = [
        replace(state, reason=RunReason(trigger=Trigger.BEFORE_RESTORE))
        for state in backups_at("2026-11-20T10:00", "2026-11-20T10:20", "2026-11-20T10:40")
    ]
    retention = a_retention(min_keep=3, daily="30d")
    alone = labels_in_order(good, retention=retention)
    assert labels_in_order([*good, *replaced], retention=retention) == [*alone, (), (), ()]


def test_level_stored_is_not_verified():
    stored = backups_at("2026-11-20T14:00", copy=a_copy(level=Level.STORED))
    backups = [*backups_at("2026-11-20T02:00"), *stored]
    assert "newest" in labels_in_order(backups)[0]
    assert "daily" not in labels_in_order(backups)[1]


def test_among_unverified_backups_the_newest_represents_the_bucket():
    backups = [without_level(one) for one in backups_at("2026-11-20T02:00", "2026-11-20T14:00")]
    assert labels_in_order(backups, retention=a_retention(daily="30d")) == [(), ("daily",)]


def test_a_damaged_copy_is_not_eligible():
    backups = [
        *backups_at("2026-11-20T02:00"),
        *backups_at("2026-11-20T14:00", copy=a_damaged_copy()),
    ]
    labels = labels_in_order(backups, retention=a_retention(daily="30d"))
    assert labels == [("daily", "newest", "min_keep"), ()]


def test_nothing_ages_while_backups_fail():
    backups = backups_every(DAY, 40, utc("2026-01-31T02:00"))
    soon, late = utc("2026-01-31T12:00"), utc("2029-01-01T00:00")
    assert label(backups, now=soon) == label(backups, now=late)


def test_a_window_counts_back_from_the_newest_and_its_end_is_outside():
    backups = backups_every(DAY, 4, utc("2026-06-10T02:00"))
    labels = labels_in_order(backups, retention=a_retention(min_keep=1, daily="2d"))
    assert [bool(words) for words in labels] == [False, False, True, True]


def test_the_newest_min_keep_verified_are_kept_whatever_their_age():
    backups = backups_every(40 * DAY, 5, utc("2026-06-10T02:00"))
    labels = labels_in_order(backups, retention=a_retention(min_keep=3, daily="1d"))
    assert labels[:4] == [(), (), ("min_keep",), ("min_keep",)]


def test_a_backup_younger_than_an_hour_is_kept():
    backups = backups_at("2026-06-10T02:00", "2026-06-10T02:10", "2026-06-10T02:20")
    labels = labels_in_order(
        backups, retention=a_retention(min_keep=1, daily="1d"), now=utc("2026-06-10T03:00")
    )
    assert labels == [(), ("young",), ("daily", "newest", "min_keep", "young")]


def test_everything_is_kept_if_nothing_is_eligible():
    backups = backups_at("2026-06-10T02:00", "2026-06-11T02:00", copy=a_damaged_copy())
    assert labels_in_order(backups) == [("nothing_eligible",), ("nothing_eligible",)]


def test_days_are_those_of_the_policys_zone():
    backups = backups_at("2026-06-10T22:30", "2026-06-10T23:30")  # 23:30 and 00:30 in London
    retention = a_retention(min_keep=1, daily="30d")
    assert kept(label(backups, retention=retention, zone=LONDON)) == 2
    assert kept(label(backups, retention=retention, zone=ZoneInfo("UTC"))) == 1


def test_the_two_passes_of_a_repeated_hour_are_two_buckets():
    backups = backups_at("2026-10-25T00:30", "2026-10-25T01:30")  # 01:30 in London, twice
    assert kept(label(backups, retention=a_retention(min_keep=1, hourly="7d"))) == 2


def test_weeks_are_iso_weeks_also_across_a_new_year():
    backups = backups_at("2026-12-28T02:00", "2027-01-03T02:00", "2027-01-04T02:00")
    labels = labels_in_order(backups, retention=a_retention(min_keep=1, weekly="3mo"))
    assert [bool(words) for words in labels] == [False, True, True]


def test_each_series_is_labelled_on_its_own():
    one, other = a_series("practice", "app"), a_series("practice", "web")
    old = a_backup(utc("2026-01-01T02:00"), series=one)
    new = a_backup(utc("2026-06-01T02:00"), series=other)
    labels = label([new, old], retention=a_retention(min_keep=1, daily="1d"))
    assert labels[old.id] == labels[new.id] == ("daily", "newest", "min_keep")


def test_a_backup_without_a_copy_at_the_destination_has_no_entry():
    elsewhere = a_backup(copies=[a_copy("offsite")])
    assert label([elsewhere]) == {}
