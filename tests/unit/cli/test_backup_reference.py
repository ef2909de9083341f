"""How people name backups by a time."""

from datetime import UTC, datetime

import pytest

from orchestrator.catalog.memory import MemoryCatalog
from orchestrator.cli.backup_reference import find_backup, say_if_ahead
from orchestrator.errors import BackupNotFoundError
from tests.support.builders import a_backup, a_desired_state, a_policy

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
