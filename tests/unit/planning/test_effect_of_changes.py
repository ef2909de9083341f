"""What other rules do to the copies that are there: the same decisions that prune, made twice."""

from collections.abc import Sequence
from datetime import timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.model.backup import Backup
from orchestrator.model.names import BackupId, DestinationName
from orchestrator.model.plan import RetentionEffect
from orchestrator.model.policy import Retention
from orchestrator.planning.changes.effect import ChangedRules, find_effect
from orchestrator.planning.changes.explain import say_effect
from orchestrator.planning.retention import label_backups
from orchestrator.planning.retention.copies import RetentionRules
from tests.support.builders import a_backup, a_damaged_copy, a_retention, a_series, utc

NOW = utc("2026-11-22T12:00")
LOCAL = DestinationName("local")
UTC = ZoneInfo("UTC")


def daily_backups(days: int) -> list[Backup]:
    """One a day at 02:00, the newest today, each of 20,000 bytes."""
    newest = utc("2026-11-22T02:00")
    return [a_backup(newest - timedelta(days=day)) for day in range(days)]


def effect_of(before: Retention, after: Retention, backups: Sequence[Backup]) -> RetentionEffect:
    rules = ChangedRules(
        before=RetentionRules(retention=before, zone=UTC),
        after=RetentionRules(retention=after, zone=UTC),
    )
    return find_effect(a_series(), LOCAL, backups, rules=rules, now=NOW)


def kept_by(retention: Retention, backups: Sequence[Backup]) -> set[BackupId]:
    labels = label_backups(backups, destination=LOCAL, retention=retention, zone=UTC, now=NOW)
    return {backup for backup, words in labels.items() if words}


def test_a_shorter_window_lets_what_lies_between_expire():
    effect = effect_of(a_retention(daily="30d"), a_retention(daily="14d"), daily_backups(40))
    assert (effect.expired, effect.expired_bytes) == (16, 16 * 20_000)
    assert say_effect(effect) == (
        "16 backups, 312.5 KiB, become expired;"
        " oldest restore point 2026-10-24T02:00Z -> 2026-11-09T02:00Z"
    )


def test_a_coarser_tier_may_leave_the_oldest_restore_point_where_it_is():
    before = a_retention(daily="30d", monthly="1y")
    effect = effect_of(before, a_retention(daily="14d", monthly="1y"), daily_backups(60))
    assert effect.expired < 17
    assert "oldest restore point unchanged, 2026-09-30T02:00Z" in say_effect(effect)


def test_a_longer_window_keeps_again_what_had_expired():
    effect = effect_of(a_retention(daily="14d"), a_retention(daily="15d"), daily_backups(40))
    assert (effect.expired, effect.kept_again) == (0, 1)
    assert say_effect(effect).startswith("1 backup, 19.5 KiB, is kept again; oldest restore point")


def test_rules_that_decide_the_same_are_said_to():
    effect = effect_of(a_retention(daily="30d"), a_retention(daily="31d"), daily_backups(5))
    assert say_effect(effect).startswith(
        "every copy is kept or not as before; oldest restore point"
    )


def test_a_damaged_copy_is_no_restore_point():
    backups = [a_backup(utc("2026-11-20T02:00"), copies=[a_damaged_copy()])]
    effect = effect_of(a_retention(daily="30d"), a_retention(daily="14d"), backups)
    assert "there is no restore point" in say_effect(effect)


@given(days=st.integers(0, 60), before=st.integers(1, 50), after=st.integers(1, 50))
def test_the_effect_is_the_difference_of_what_both_rules_keep(days: int, before: int, after: int):
    backups = daily_backups(days)
    old, new = a_retention(daily=f"{before}d"), a_retention(daily=f"{after}d")
    kept, stays = kept_by(old, backups), kept_by(new, backups)
    effect = effect_of(old, new, backups)
    assert (effect.expired, effect.kept_again) == (len(kept - stays), len(stays - kept))
