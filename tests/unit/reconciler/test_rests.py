"""What was done in vain rests before it is done again."""

from dataclasses import replace

from orchestrator.reconciler.rests import Rests
from tests.unit.execution.world import a_backup_action, by_hand

ACTION = a_backup_action()
AGAIN = replace(ACTION, reason="the same, said a minute later")


def test_the_rest_doubles_from_half_a_minute_to_a_quarter_of_an_hour():
    rests, lengths = Rests(), []
    for _ in range(8):
        rests.note(ACTION, 100.0)
        lengths.append((rests.next_end(100.0) or 0) - 100)
    assert lengths == [30, 60, 120, 240, 480, 900, 900, 900]


def test_an_action_rests_whatever_its_reason_says():
    rests = Rests()
    rests.note(ACTION, 0.0)
    assert rests.is_resting(AGAIN, 29.9)
    assert not rests.is_resting(AGAIN, 30.0)
    assert not rests.is_resting(by_hand(), 0.0)
    assert rests.next_end(30.0) is None


def test_what_is_not_asked_for_any_more_is_forgotten():
    rests = Rests()
    rests.note(ACTION, 0.0)
    rests.note(by_hand(), 0.0)
    rests.forget_all_but([AGAIN])
    assert rests.is_resting(ACTION, 1.0)
    assert not rests.is_resting(by_hand(), 1.0)
