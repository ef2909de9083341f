"""What holds for every situation of a series."""

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from orchestrator.model.backup import Backup
from orchestrator.model.names import BackupId
from orchestrator.model.verification import Level
from orchestrator.planning.retention.copies import Standing
from orchestrator.planning.retention.decide import CopyDecision
from tests.properties.planning.retention.test_retention_twin import decide
from tests.support.builders import a_backup, a_copy
from tests.support.retention_cases import Case, a_case
from tests.support.retention_decisions import said_of

CASES = 1_000
TIERS = {"hourly", "daily", "weekly", "monthly", "yearly"}


@pytest.fixture
def cases() -> Iterator[Case]:
    chance = random.Random(random.getrandbits(32))
    return (a_case(chance) for _ in range(CASES))


def kept(case: Case) -> set[BackupId]:
    return {one.copy.id for one in decide(case).values() if one.is_kept}


def tier_labels(decisions: dict[BackupId, CopyDecision]) -> dict[BackupId, set[str]]:
    return {backup: TIERS & set(one.labels) for backup, one in decisions.items()}


def proved(case: Case) -> set[BackupId]:
    return {
        one.copy.id
        for one in decide(case).values()
        if one.copy.verified and one.copy.standing is Standing.ELIGIBLE
    }


def a_newer_verified_backup(case: Case) -> Backup:
    newest = max(backup.snapshot_at for backup in case.backups)
    copy = a_copy(level=Level.CONTENT)
    return a_backup(newest + timedelta(days=400), copies=[copy])


def test_every_copy_is_either_kept_or_expired_and_says_why(cases: Iterator[Case]):
    for case in cases:
        decisions = decide(case)
        here = [one for one in case.backups if one.copies[0].destination == "local"]
        assert set(decisions) == {one.id for one in here}
        for decision in decisions.values():
            assert bool(decision.reasons) == decision.is_kept == (decision.expiry is None)
            assert all(part.strip() for part in decision.sentence.split("; "))


def test_the_order_of_the_backups_does_not_matter(cases: Iterator[Case]):
    for case in cases:
        reordered = replace(case, backups=sorted(case.backups, key=lambda one: one.id))
        assert said_of(decide(reordered)) == said_of(decide(case))


def test_the_newest_min_keep_verified_copies_are_always_kept(cases: Iterator[Case]):
    for case in cases:
        number = max(1, case.retention.min_keep)
        verified = proved(case)
        assert len(verified & kept(case)) >= min(number, len(verified))


def test_a_newer_verified_backup_never_takes_the_only_verified_one_away_unreplaced(
    cases: Iterator[Case],
):
    for case in cases:
        grown = replace(case, backups=[*case.backups, a_newer_verified_backup(case)])
        verified = proved(grown)
        assert verified & kept(grown), "a verified copy must stay"
        # A safety copy counts only as long as nothing else does (docs/adr/0015).
        ordinary = {one.id for one in case.backups if not one.is_safety_copy}
        if case.retention.min_keep >= 2 and len(proved(case)) == 1:
            assert proved(case) & ordinary <= kept(grown)


def test_nothing_ages_in_an_outage_of_any_length(cases: Iterator[Case]):
    for case in cases:
        newest = max(backup.snapshot_at for backup in case.backups)
        begin = replace(case, now=newest + timedelta(hours=1))
        years = timedelta(days=random.randint(1, 4000))
        later = replace(begin, now=begin.now + years)
        assert tier_labels(dict(decide(later))) == tier_labels(dict(decide(begin)))


def test_a_copy_is_never_said_to_have_expired_before_it_was_an_hour_old(cases: Iterator[Case]):
    for case in cases:
        for decision in decide(case).values():
            if decision.expiry is not None and decision.expiry.since is not None:
                assert decision.copy.at + timedelta(hours=1) <= decision.expiry.since <= case.now


def test_a_copy_expired_when_it_is_said_to(cases: Iterator[Case]):
    """With what was there at ``since``, no rule kept it; the clock is behind no backup here."""
    checked = 0
    for case in cases:
        if case.now < max(backup.snapshot_at for backup in case.backups) or clock_went_back(case):
            continue
        for decision in decide(case).values():
            since = decision.expiry.since if decision.expiry else None
            if since is not None:
                checked += 1
                assert not _is_kept_at(case, decision, since)
    assert checked > CASES / 10


def clock_went_back(case: Case) -> bool:
    in_order = sorted(case.backups, key=lambda one: one.sequence)
    return in_order != sorted(case.backups, key=lambda one: (one.snapshot_at, one.id))


def _is_kept_at(case: Case, decision: CopyDecision, at: datetime) -> bool:
    known = [one for one in case.backups if one.snapshot_at <= at or one.id == decision.copy.id]
    then = decide(replace(case, backups=known, now=at))
    return then[decision.copy.id].is_kept
