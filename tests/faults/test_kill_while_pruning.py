"""kill -9 of a pass that takes a backup, prunes and collects: the next passes finish it (F01-F09).

Done-when 4: at most three passes, no orphan after the grace time, the newest verified backup stays.
"""

import os
import random
import time
from collections import Counter
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from orchestrator.catalog.open import open_catalog
from orchestrator.model.verification import Level
from tests.faults.history import History, make_history, prune_later
from tests.faults.places import LISTED_IN_WORDS, FaultPlace, note
from tests.faults.stored import (
    assert_nothing_named_is_missing,
    manifests_at,
    missing_at,
    orphans_at,
)
from tests.support.postgres import Database

ROUNDS = int(os.environ.get("ORCHESTRATOR_KILL_PRUNING_ROUNDS", "1"))
SEED = int(os.environ.get("ORCHESTRATOR_FAULT_SEED", "20261123"))
MOST_PASSES = 3
GRACE = timedelta(hours=25)
"""More than a run may take and the grace time of a collection together."""


@pytest.fixture
def history(tmp_path: Path, empty_database: Database) -> History:
    return make_history(tmp_path / "history", empty_database, None)


def time_a_pass(place: FaultPlace) -> float:
    began = time.monotonic()
    place.run("apply")
    return time.monotonic() - began


def kill_a_pass(place: FaultPlace, after: float) -> bool:
    """Kill a pass after so many seconds; return whether it still ran."""
    with place.start("apply") as process:
        time.sleep(after)
        process.kill()
        process.communicate()
    return process.returncode != 0


def count_passes(place: FaultPlace) -> int:
    """Make passes until one has nothing to do, and return how many had something."""
    for number in range(MOST_PASSES + 1):
        result = place.run("apply")
        assert not [one for one in LISTED_IN_WORDS if one in result.err], result.err
        if "nothing to do" in result.out:
            return number
    raise AssertionError(f"still not as the policy wants it: {result.out}")


def newest_verified(place: FaultPlace) -> str:
    """Return the id of the newest backup that was proved, as the catalog says."""
    with closing(open_catalog(place.catalog_url)) as catalog:
        proved = (one.id for one in catalog.backups() if one.level is Level.OBJECTS)
        return max(proved)


def assert_sound(place: FaultPlace, best: str, when: str) -> None:
    """Check that nothing named is missing, and that the newest verified backup is still there."""
    assert_nothing_named_is_missing(place.backups, when)
    assert [*missing_at(place.backups, manifests_at(place.backups)[best])] == [], when


def assert_no_orphan_after_grace(place: FaultPlace, when: str) -> None:
    # What is pruned a day later leaves chunks that are collected a day after that.
    for days in (1, 2):
        prune_later(place, days * GRACE)
    assert orphans_at(place.backups) == [], when


@pytest.mark.timeout(120 + 60 * ROUNDS)
def test_every_killed_pass_is_finished_by_the_next_ones(tmp_path: Path, history: History):
    chance, passes, killed, number = random.Random(SEED), Counter[int](), 0, 0
    best = newest_verified(history.place)
    lasts = time_a_pass(history.copy_to(tmp_path / "whole"))
    while killed < ROUNDS:
        number += 1
        place = history.copy_to(tmp_path / str(number))
        if not kill_a_pass(place, chance.uniform(0, lasts)):
            continue
        killed += 1
        assert_sound(place, best, f"round {number}, killed")
        passes[count_passes(place)] += 1
        assert_sound(place, best, f"round {number}, finished")
        newest = newest_verified(place)
        assert_no_orphan_after_grace(place, f"round {number}")
        assert_sound(place, newest, f"round {number}, collected")
    spread = ", ".join(f"{count} in {passed}" for passed, count in sorted(passes.items()))
    note(f"{killed} killed, {number - killed} had ended before; passes needed: {spread}")
