"""How people name backups."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from orchestrator.catalog.memory import MemoryCatalog
from orchestrator.cli.backup_reference import (
    find_backup,
    find_passed_over,
    last_of_each_series,
    say_if_ahead,
)
from orchestrator.errors import BackupNotFoundError
from orchestrator.model.backup import Backup, CopyState, RunReason, Trigger
from orchestrator.model.run import LogAction
from tests.support.builders import a_backup, a_copy, a_desired_state, a_policy, an_entry_of

AT_TWO = datetime(2026, 7, 22, 2, tzinfo=UTC)  # three o'clock in London
LONDON = a_desired_state(a_policy(timezone="Europe/London"))


def test_words_for_a_backup_that_is_not_there_are_a_sentence():
    with pytest.raises(BackupNotFoundError, match=r"^there is no backup from before 2026-07-21"):
        find_backup(MemoryCatalog(), "2026-07-21T00:00", policy=None, database=None, desired=LONDON)


@pytest.mark.parametrize("reference", ["2026-07-22T03:00", "2026-07-22T02:00+00:00", "latest"])
def test_a_time_that_has_come_needs_no_word(reference: str):
    assert say_if_ahead(reference, a_backup(AT_TWO), desired=LONDON, now=AT_TWO) is None


def test_a_time_in_the_future_is_said_to_be_one():
    words = say_if_ahead("2026-07-22T03:01", a_backup(AT_TWO), desired=LONDON, now=AT_TWO)
    assert words == (
        "2026-07-22T03:01 has not come yet: this is the newest backup there is, of 2026-07-22 02:00"
        " UTC"
    )


def a_safety_copy(at: datetime) -> Backup:
    return a_backup(at, reason=RunReason(trigger=Trigger.BEFORE_RESTORE))


def a_catalog(*backups: Backup) -> MemoryCatalog:
    catalog = MemoryCatalog()
    for backup in backups:
        catalog.record_backup(backup, an_entry_of(LogAction.BACKUP))
    return catalog


def chosen(reference: str, catalog: MemoryCatalog) -> tuple[Backup, list[Backup]]:
    found = find_backup(catalog, reference, policy=None, database=None, desired=LONDON)
    return found, list(find_passed_over(catalog, reference, found, desired=LONDON))


@pytest.mark.parametrize("reference", ["latest", "2026-07-23T00:00"])
def test_safety_copies_are_passed_over_and_named(reference: str):
    good, newer = a_backup(AT_TWO), a_safety_copy(AT_TWO + timedelta(hours=1))
    later = a_safety_copy(AT_TWO + timedelta(days=9))
    older = a_safety_copy(AT_TWO - timedelta(hours=1))
    passed = [later, newer] if reference == "latest" else [newer]
    assert chosen(reference, a_catalog(older, good, newer, later)) == (good, passed)


@pytest.mark.parametrize("reference", ["latest", "2026-07-23T00:00"])
def test_a_newer_backup_that_is_damaged_is_passed_over_and_named(reference: str):
    good, older = a_backup(AT_TWO), a_backup(AT_TWO - timedelta(hours=1))
    copies = (a_copy(state=CopyState.DAMAGED),)
    newer, elder = [
        replace(a_backup(AT_TWO + by), copies=copies)
        for by in (timedelta(hours=1), -timedelta(hours=2))
    ]
    assert chosen(reference, a_catalog(elder, older, good, newer)) == (good, [newer])


def backups_around_a_clock_that_was_ahead() -> tuple[Backup, Backup]:
    ahead = a_backup(AT_TWO + timedelta(days=400), sequence=7)
    return ahead, a_backup(AT_TWO, sequence=8)


def test_latest_is_what_was_taken_last_whatever_the_clock_said():
    ahead, last = backups_around_a_clock_that_was_ahead()
    assert chosen("latest", a_catalog(last, ahead)) == (last, [])
    assert last_of_each_series([last, ahead]) == [last]


def test_a_time_goes_by_the_times_of_the_backups():
    ahead, last = backups_around_a_clock_that_was_ahead()
    assert chosen("2028-01-01T00:00", a_catalog(last, ahead)) == (ahead, [])
    assert chosen("2027-01-01T00:00", a_catalog(last, ahead)) == (last, [])


def test_a_safety_copy_is_passed_over_even_for_a_damaged_backup():
    damaged = replace(a_backup(AT_TWO), copies=(a_copy(state=CopyState.DAMAGED),))
    newer = a_safety_copy(AT_TWO + timedelta(hours=1))
    assert chosen("latest", a_catalog(damaged, newer)) == (damaged, [newer])


def test_a_safety_copy_is_taken_where_nothing_else_is_or_by_its_id():
    older, only = a_safety_copy(AT_TWO), a_safety_copy(AT_TWO + timedelta(hours=1))
    assert chosen("latest", a_catalog(older, only)) == (only, [])
    both = a_catalog(a_backup(AT_TWO), only)
    assert chosen(only.id, both) == (only, [])
