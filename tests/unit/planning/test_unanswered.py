"""Which suspicious backups still hold the pruning of their series."""

from datetime import timedelta

import pytest

from orchestrator.model.backup import Backup
from orchestrator.planning.guards import unanswered
from tests.support.builders import a_backup
from tests.support.marks import NOON, a_suspicion, an_acknowledgement


def timeline(words: str) -> list[Backup]:
    """``c`` is a clean backup, ``s`` a suspicious one, ``a`` one that was acknowledged."""
    marks = {"c": [], "s": [a_suspicion()], "a": [a_suspicion(), an_acknowledgement()]}
    return [
        a_backup(NOON + number * timedelta(hours=1)).marked(marks[word])
        for number, word in enumerate(words)
    ]


def test_an_acknowledgement_answers_for_what_was_taken_before_it_whatever_the_clock_said():
    ahead = a_backup(NOON + timedelta(days=400), sequence=7).marked([a_suspicion()])
    answer = a_backup(NOON, sequence=8).marked([a_suspicion(), an_acknowledgement()])
    assert unanswered([answer, ahead]) == ()


@pytest.mark.parametrize(
    ("words", "waiting"),
    [
        ("", []),
        ("ccc", []),
        ("cs", [1]),
        ("csss", [1, 2, 3]),
        ("cssa", []),
        ("cssac", []),
        ("csas", [3]),
        ("css" + "c", [1, 2]),
        ("casc", [2]),
    ],
)
def test_an_acknowledgement_answers_for_what_came_before_it_and_a_clean_backup_for_nothing(
    words: str, waiting: list[int]
):
    backups = timeline(words)
    assert unanswered(backups) == tuple(backups[number] for number in waiting)
    assert unanswered(backups[::-1]) == unanswered(backups)
