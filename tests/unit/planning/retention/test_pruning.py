"""Two steps, guards and the measure of a day (design §7, "Prune guards.")."""

import random
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest

from orchestrator.model.backup import Backup
from orchestrator.model.names import BackupId, DestinationName
from orchestrator.planning.pruning.expired import ExpiredCopies, expired_copies
from orchestrator.planning.pruning.guards import find_clock_trouble
from orchestrator.planning.pruning.verdicts import Verdict
from orchestrator.planning.retention import decide_retention
from orchestrator.planning.retention.copies import RetentionRules
from tests.support.builders import a_backup, a_damaged_copy, a_retention, without_level
from tests.support.pruning import (
    DAY,
    HOUR,
    NOW,
    WELL,
    Scene,
    a_rated_copy,
    marked,
    old_copies,
    pruned,
)
from tests.support.retention_cases import ZONES

MINUTE = timedelta(minutes=1)


# ------------------------------------------------------------------ two steps
def test_a_copy_that_expired_is_marked_and_waits():
    copies = old_copies(2)
    plan = Scene(copies).decide()
    assert [one.verdict for one in plan.decisions] == [Verdict.WAITS] * 2
    assert {mark.at for mark in plan.marks.values()} == {NOW}
    assert "until 2026-11-23T12:00Z" in plan.decisions[0].reason


def test_a_mark_keeps_its_time_and_the_copy_goes_when_the_delay_is_over():
    copies = old_copies(2)
    early, due = marked(copies[:1], DAY - MINUTE), marked(copies[1:], DAY)
    plan = Scene(copies, marks={**early, **due}).decide()
    assert [one.verdict for one in plan.decisions] == [Verdict.WAITS, Verdict.PRUNE]
    assert plan.marks == {**early, **due}


def test_a_copy_that_a_rule_keeps_again_loses_its_mark_and_begins_anew():
    copies = old_copies(1)
    saved = Scene([], marks=marked(copies, 2 * DAY)).decide()
    assert dict(saved.marks) == {}
    assert Scene(copies, marks=saved.marks).verdicts() == [Verdict.WAITS]


def test_a_mark_from_the_future_does_not_count_as_waited():
    copies = old_copies(1)
    assert Scene(copies, marks=marked(copies, -HOUR), delay=HOUR / 2).verdicts() == [Verdict.WAITS]


# ------------------------------------------------------------------ guards
REFUSALS = {
    "a_failed_attempt": (replace(WELL, latest_failure="no connection"), "no connection"),
    "a_clock_that_jumped": (replace(WELL, clock_trouble="the database says …"), "clock"),
    "a_suspicious_backup": (replace(WELL, suspicious=BackupId("b1")), "acknowledge b1"),
    "a_rebuilt_catalog": (replace(WELL, rebuilt_at=NOW), "rebuilt"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_nothing_is_pruned_after(name: str):
    conditions, words = REFUSALS[name]
    copies = old_copies(3)
    plan = Scene(copies, marks=marked(copies, 9 * DAY), conditions=conditions, allowed=99).decide()
    assert {one.verdict for one in plan.decisions} == {Verdict.REFUSED}
    assert all(words in one.reason for one in plan.decisions)


@pytest.mark.parametrize("name", REFUSALS)
def test_nothing_is_marked_after(name: str):
    assert Scene(old_copies(3), conditions=REFUSALS[name][0]).decide().marks == {}


def test_a_full_destination_lets_go_what_is_past_its_delay_and_nothing_else():
    copies = old_copies(3)
    full = replace(WELL, latest_failure="no space", destination_is_full=True)
    marks = {**marked(copies[:1], 2 * DAY), **marked(copies[1:2], HOUR)}
    plan = Scene(copies, marks=marks, conditions=full).decide()
    assert [one.verdict for one in plan.decisions] == [
        Verdict.PRUNE,
        Verdict.REFUSED,
        Verdict.REFUSED,
    ]
    assert plan.marks == marks


@pytest.mark.parametrize(
    "change", [{"newest_verified_is_intact": False}, {"clock_trouble": "it jumped"}]
)
def test_a_full_destination_excuses_nothing_else(change: dict[str, object]):
    copies = old_copies(1)
    full = replace(WELL, latest_failure="no space", destination_is_full=True)
    conditions = replace(full, **change)  # type: ignore[arg-type] # names of its own fields
    scene = Scene(copies, marks=marked(copies, 2 * DAY), conditions=conditions)
    assert scene.verdicts() == [Verdict.REFUSED]


def test_several_guards_are_all_named():
    conditions = replace(WELL, latest_failure="no route", rebuilt_at=NOW)
    (decision,) = Scene(old_copies(1), conditions=conditions).decide().decisions
    assert "no route" in decision.reason
    assert "rebuilt" in decision.reason


def test_a_spared_copy_never_goes_whatever_is_allowed():
    (copy,) = old_copies(1)
    scene = Scene([copy], marks=marked([copy], 9 * DAY), spared={copy.id: "newest"}, allowed=9)
    assert scene.verdicts() == [Verdict.REFUSED]


CLOCKS = {
    "five_minutes_are_tolerated": (5 * MINUTE, None, False),
    "six_minutes_are_not": (6 * MINUTE, None, True),
    "nor_are_six_the_other_way": (-6 * MINUTE, None, True),
    "running_backwards_is_not": (timedelta(0), NOW + MINUTE, True),
    "running_forwards_is_right": (timedelta(0), NOW - DAY, False),
}


@pytest.mark.parametrize("name", CLOCKS)
def test_of_the_clock(name: str):
    offset, last_pass, is_trouble = CLOCKS[name]
    found = find_clock_trouble(NOW, others={"the database": NOW + offset}, last_pass=last_pass)
    assert (found is not None) == is_trouble


# ------------------------------------------------------------------ the measure of a day
def test_ten_copies_beyond_normal_ageing_need_nobody_and_eleven_do():
    assert not any(
        mark.beyond_normal_ageing for mark in Scene(old_copies(10)).decide().marks.values()
    )
    marks = Scene(old_copies(11)).decide().marks
    assert all(mark.beyond_normal_ageing for mark in marks.values())


def test_five_percent_of_many_copies_are_more_than_ten():
    assert beyond(Scene(old_copies(50), total=1000)) == 0
    assert beyond(Scene(old_copies(51), total=1000)) == 51


def test_as_many_as_arrived_are_normal_ageing_and_of_a_burst_only_these():
    assert beyond(Scene(old_copies(34), arrived=24)) == 0
    assert beyond(Scene(old_copies(35), arrived=24)) == 11


def test_what_was_marked_and_pruned_today_counts():
    marks = marked([a_rated_copy(NOW - 500 * DAY - step * HOUR) for step in range(6)], HOUR)
    today = [replace(one, mark=replace(one.mark, at=NOW - HOUR)) for one in pruned(2)]
    copies = [*(a_rated_copy(NOW - 500 * DAY - step * HOUR) for step in range(6)), *old_copies(3)]
    assert beyond(Scene(copies[:-1], marks=marks, pruned=today)) == 0
    assert beyond(Scene(copies, marks=marks, pruned=today)) == 3


def beyond(scene: Scene) -> int:
    return sum(mark.beyond_normal_ageing for mark in scene.decide().marks.values())


def test_a_backlog_waits_for_ever_and_goes_as_far_as_it_is_allowed():
    copies = old_copies(30)
    marks = marked(copies, 90 * DAY, beyond=True)
    assert Counter(Scene(copies, marks=marks).verdicts()) == {Verdict.BEYOND: 30}
    plan = Scene(copies, marks=marks, allowed=12).decide()
    assert [one.verdict for one in plan.decisions][:12] == [Verdict.PRUNE] * 12
    assert Counter(one.verdict for one in plan.decisions)[Verdict.BEYOND] == 18
    assert plan.used == 12
    assert "--allow-prune" in plan.decisions[-1].reason


def test_no_more_than_the_measure_goes_in_one_rolling_day():
    copies = old_copies(30)
    scene = Scene(copies, marks=marked(copies, 5 * DAY), arrived=4)
    assert Counter(scene.verdicts()) == {Verdict.PRUNE: 14, Verdict.TOMORROW: 16}
    later = replace(scene, pruned=[*pruned(9), *pruned(50, ago=DAY)])
    assert Counter(later.verdicts())[Verdict.PRUNE] == 5
    assert Counter(replace(later, allowed=6).verdicts())[Verdict.PRUNE] == 11


def test_what_expired_first_goes_first():
    older, newer = old_copies(2)
    marks = {**marked([older], 2 * DAY), **marked([newer], 3 * DAY)}
    scene = Scene([older, newer], marks=marks, pruned=pruned(9))
    assert scene.verdicts() == [Verdict.TOMORROW, Verdict.PRUNE]


def test_the_order_of_the_copies_does_not_matter():
    copies = old_copies(40)
    scene = Scene(copies, marks=marked(copies[::2], 3 * DAY), arrived=5)
    mixed = random.sample(copies, len(copies))
    assert replace(scene, copies=mixed).decide() == scene.decide()


# ------------------------------------------------------------------ from retention to pruning
def expired_of(backups: list[Backup]) -> ExpiredCopies:
    decisions = decide_retention(
        backups,
        destination=DestinationName("local"),
        rules=RetentionRules(retention=a_retention(min_keep=1, daily="7d"), zone=ZONES[0]),
        now=NOW,
    )
    return expired_copies(list(decisions.values()), NOW)


def test_failing_verification_alone_never_makes_a_copy_prunable():
    damaged = a_backup(NOW - 3 * DAY, copies=[a_damaged_copy()])
    aged = a_backup(NOW - 30 * DAY, copies=[a_damaged_copy()])
    expired = expired_of([damaged, aged, a_backup(NOW - HOUR), a_backup(NOW - DAY)])
    assert {copy.id for copy in expired.copies} == {damaged.id, aged.id}
    assert set(expired.spared) == {damaged.id}
    assert "were it whole, daily would keep it" in expired.spared[damaged.id]


def test_what_arrived_today_is_counted_among_the_eligible():
    backups = [a_backup(NOW - HOUR), a_backup(NOW - 2 * HOUR, copies=[a_damaged_copy()])]
    expired = expired_of([*backups, without_level(a_backup(NOW - 3 * HOUR)), a_backup(NOW - DAY)])
    assert (expired.arrived, expired.total) == (2, 4)
