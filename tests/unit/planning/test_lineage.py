"""Nodes that follow each other, and whether the new one has what the old one had (fault F41)."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.model.contents import Details, TimelineEnd, WalPosition
from orchestrator.planning.guards import Judgement, Reference, judge
from tests.support.builders import a_backup
from tests.support.marks import details_of


def at(position: int, timeline: int | None = 1, recovered_to: int | None = None) -> WalPosition:
    return WalPosition(position=position, timeline=timeline, recovered_to=recovered_to)


def led(position: int, timeline: int, *ends: tuple[int, int]) -> WalPosition:
    history = tuple(TimelineEnd(timeline=number, position=end) for number, end in ends)
    return replace(at(position, timeline), history=history)


def details_at(wal: WalPosition | None, *, standby: bool = False) -> Details:
    details = details_of(users=10)
    return replace(details, identity=replace(details.identity, wal=wal, in_recovery=standby))


def judged(
    was: WalPosition | None, now: WalPosition | None, *, standby: bool = False, hours: float = 6
) -> Judgement:
    before, after = details_at(was), details_at(now, standby=standby)
    after = replace(after, snapshot_at=before.snapshot_at + timedelta(hours=hours))
    reference = Reference(backup=a_backup(), details=before, standby_lag=timedelta(minutes=5))
    return judge(after, reference, [])


QUIET = {
    "the same server went on": (at(100), at(200)),
    "nobody wrote anything": (at(100), at(100)),
    "it crashed and recovered": (at(100), at(200, recovered_to=90)),
    "it took over long ago": (at(100, 2, recovered_to=50), at(110, 2, recovered_to=50)),
    "a restarted node had everything": (led(100, 1), led(200, 2, (1, 100))),
    "two nodes took over in turn": (led(100, 1), led(300, 3, (1, 120), (2, 200))),
    "its history begins later": (
        led(150, 2, (1, 120)), led(300, 3, (2, 200))),
    "the history of the last good backup begins later": (
        led(150, 2), led(300, 3, (1, 120), (2, 200))),
    "a standby that does not show its timeline follows": (at(100), at(200, None)),
    "an older version did not record it": (None, at(50)),
}  # fmt: skip


@pytest.mark.parametrize("case", QUIET)
def test_nothing_is_said_when(case: str):
    assert judged(*QUIET[case]) == Judgement(reasons=(), notes=())


LOUD = {
    "an old node took over": (at(100), at(90, 2, 60), "up to 0/3C only, and that stood at 0/64"),
    "an old node took over and has written more since": (
        at(100), at(500, 2, 60), "(timeline 1, now 2); what was written in between is not"),
    "an old node took over and was restarted": (at(100), at(90, 2), "is at 0/5A, and was at 0/64"),
    "an old node took over, was restarted, and its history can be read": (
        led(100, 1), led(500, 2, (1, 60)), "up to 0/3C only"),
    "the node before the last failover answers": (
        at(100, 2), at(500, 1), "on timeline 1, and the last good backup before (20261122T020000Z-"),
    "an old image of the disk was brought back": (at(100), at(60), "an older copy"),
    "two nodes took over, and both call it timeline 2": (
        at(100, 2, recovered_to=80), at(500, 2, recovered_to=60), "up to 0/3C only"),
    "the same, and both histories can be read": (
        led(100, 2, (1, 80)), led(500, 2, (1, 60)), "up to 0/3C only"),
    "a node that lacked something took over, and its history begins later": (
        led(150, 2, (1, 120)), led(300, 3, (2, 140)), "up to 0/8C only"),
    "no timeline is in both histories, and it had recovered less": (
        led(150, 2), replace(led(300, 4, (3, 200)), recovered_to=140), "up to 0/8C only"),
    "a branch took over that never saw the other": (
        led(100, 2, (1, 80)), led(500, 3, (1, 90)), "up to 0/50 only"),
}  # fmt: skip


@pytest.mark.parametrize("case", LOUD)
def test_a_backup_is_suspicious_when(case: str):
    was, now, words = LOUD[case]
    (reason,) = judged(was, now).reasons
    assert words in reason


def test_a_standby_may_be_a_little_behind_and_no_more_than_the_policy_allows():
    a_little = judged(at(100), at(90, None), standby=True, hours=0.05)
    assert a_little.reasons == ()
    assert "a little behind, as it may be" in a_little.notes[0]
    (reason,) = judged(at(100), at(90, None), standby=True).reasons
    assert "further behind than the 300 s that are allowed" in reason


def test_what_cannot_be_told_is_a_note():
    for was, now in [
        (led(100, 1), at(500, 2)),
        (at(100), at(500, 2)),
        # Either it had that when it took over, or it had less, wrote on, and crashed there.
        (led(100, 1), at(500, 2, recovered_to=100)),
        (at(100), replace(led(500, 2, (1, 100)), recovered_to=100)),
        (led(100, 2), replace(led(500, 4, (3, 200)), recovered_to=200)),
    ]:
        judgement = judged(was, now)
        assert judgement.reasons == ()
        assert "whether it had everything then cannot be told" in judgement.notes[0]
    (note,) = judged(at(100), None).notes
    assert "does not say where its write-ahead log stands" in note


def test_a_primary_after_a_standby_of_an_unknown_timeline_is_a_note():
    judgement = judged(at(100, None), at(500, 2, recovered_to=400))
    assert judgement.reasons == ()
    (note,) = judgement.notes
    assert "a standby that did not show its timeline" in note
    assert judged(at(100, None), at(500, None), standby=True).notes == ()
    assert judged(at(100, None), at(90, 1)).notes == ()


def test_of_another_server_only_that_is_said():
    was, now = details_at(at(100)), details_at(at(5))
    other = replace(now, identity=replace(now.identity, system_identifier="1"))
    (reason,) = judge(other, Reference(backup=a_backup(), details=was), []).reasons
    assert "another server" in reason


@given(st.integers(1, 1000), st.integers(1, 1000), st.integers(0, 1000), st.booleans())
def test_a_node_that_took_over_is_suspicious_exactly_if_it_had_less(
    was: int,
    fork: int,
    written: int,
    can_read: bool,  # noqa: FBT001 - Hypothesis gives it
):
    before = led(was, 1)
    after = replace(at(fork + written, 2), recovered_to=fork)
    if can_read:
        after = replace(led(fork + written, 2, (1, fork)))
    assert bool(judged(before, after).reasons) == (fork < was)
