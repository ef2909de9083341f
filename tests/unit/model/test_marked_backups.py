from datetime import timedelta
from itertools import permutations

from tests.support.builders import a_backup
from tests.support.marks import NOON, a_hold, a_release, a_suspicion, an_acknowledgement

HOUR = timedelta(hours=1)


def test_a_backup_without_marks_is_neither_suspicious_nor_held():
    backup = a_backup()
    assert not backup.is_suspicious
    assert not backup.is_held(NOON)
    assert backup.marks == ()


def test_a_suspicious_backup_is_so_until_somebody_acknowledges():
    suspicious = a_backup().marked([a_suspicion()])
    assert suspicious.is_suspicious
    acknowledged = suspicious.marked([*suspicious.marks, an_acknowledgement()])
    assert not acknowledged.is_suspicious
    assert acknowledged.suspicion == a_suspicion()


def test_the_first_acknowledgement_counts():
    first, second = an_acknowledgement("first"), an_acknowledgement("second", at=NOON + HOUR)
    assert a_backup().marked([second, a_suspicion(), first]).acknowledged == first


def test_a_hold_keeps_until_its_time_and_not_longer():
    backup = a_backup().marked([a_hold(until=NOON + HOUR)])
    assert backup.is_held(NOON)
    assert backup.is_held(NOON + HOUR - timedelta(microseconds=1))
    assert not backup.is_held(NOON + HOUR)


def test_a_release_takes_back_its_hold_alone_in_whatever_order_they_are_read():
    kept, taken_back = a_hold("kept"), a_hold("taken back")
    for marks in permutations([kept, taken_back, a_release(taken_back)]):
        assert a_backup().marked(marks).holds == (kept,)


def test_the_marks_of_a_backup_make_it_what_it_is():
    marks = [a_suspicion(), an_acknowledgement(), a_hold("one"), a_hold("two")]
    backup = a_backup().marked(marks)
    assert a_backup().marked(backup.marks) == backup
