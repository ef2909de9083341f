"""The rules agree with their brute-force twin on 20,000 random situations in every run."""

import random
from collections.abc import Mapping

import pytest

from orchestrator.model.names import BackupId, DestinationName
from orchestrator.planning.retention import decide_retention, label_backups
from orchestrator.planning.retention.copies import RetentionRules
from orchestrator.planning.retention.decide import CopyDecision
from tests.support.retention_cases import Case, a_case
from tests.support.retention_twin import Twin

BATCHES, CASES = 10, 2_000
LOCAL = DestinationName("local")


def decide(case: Case) -> Mapping[BackupId, CopyDecision]:
    return decide_retention(
        case.backups,
        destination=LOCAL,
        rules=RetentionRules(retention=case.retention, zone=case.zone),
        now=case.now,
    )


def twin_of(case: Case) -> Twin:
    return Twin(case.backups, LOCAL, case.retention, case.zone, case.now)


@pytest.mark.parametrize("batch", range(BATCHES))
def test_the_rules_agree_with_their_twin(batch: int):
    seed = random.getrandbits(32) + batch
    chance = random.Random(seed)
    for number in range(CASES):
        case = a_case(chance)
        found = {one.copy.id: set(one.labels) for one in decide(case).values()}
        assert found == twin_of(case).labels(), f"seed {seed}, case {number}: {case}"


def test_what_would_be_kept_if_it_were_whole_agrees_with_the_twin():
    seed = random.getrandbits(32)
    chance = random.Random(seed)
    asked = 0
    for number in range(CASES):
        case = a_case(chance)
        decisions, expected = decide(case), twin_of(case).if_whole()
        for backup, is_kept in expected.items():
            expiry = decisions[BackupId(backup)].expiry
            if expiry is not None and expiry.since is None:
                asked += 1
                assert bool(expiry.kept_if_whole) == is_kept, f"seed {seed}, case {number}: {case}"
    assert asked > CASES / 10


def test_the_labels_of_list_are_those_of_the_decision():
    chance = random.Random(random.getrandbits(32))
    for _ in range(500):
        case = a_case(chance)
        labels = label_backups(
            case.backups,
            destination=LOCAL,
            retention=case.retention,
            zone=case.zone,
            now=case.now,
        )
        assert labels == {one.copy.id: one.labels for one in decide(case).values()}
