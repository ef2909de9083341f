"""Some seeds of the simulation in every run of the tests; `make simulate` tells many more."""

import logging
from collections.abc import Iterator

import pytest

from tests.simulation.mutants import MUTANTS
from tests.simulation.runner import LONG, SHORT, hunt, require_planted, tell

SEEDS = 2000
STEPS = 4
"""Half of a story's cost is its beginning and its end, so that short ones see more for the time."""
PARTS = 20
FIRST = 100_000
"""The long run begins at 0: these are other seeds."""

QUICKLY_FOUND = [
    "catalog commit before manifest",
    "still-due check left out",
    "catch-up without an end",
    "slot keyed by local time",
    "missed slots not recorded",
    "lease taken from a live holder",
    "run closed as succeeded before proof",
    "retention counts damaged copies",
    "days-only retention",
    "prune without the second step",
    "collection forgets what manifests name",
    "orphans never collected",
    "rebuilt catalog prunes at once",
    "recovered told twice",
    "incident never closed",
    "reminders forgotten",
    "message marked sent before it was delivered",
]


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Thousands of failures are meant to happen here; nobody wants to read of them."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("part", range(PARTS))
def test_no_invariant_is_violated_in_any_story(part: int):
    size = SEEDS // PARTS
    for seed in range(FIRST + part * size, FIRST + (part + 1) * size):
        told = tell(seed, STEPS, sqlite=False)
        assert told.violation is None, told.violation


@pytest.mark.parametrize("sqlite", [False, True], ids=["memory", "sqlite"])
def test_no_invariant_is_violated_in_a_long_story(sqlite: bool):  # noqa: FBT001 - a parameter of the test
    told = tell(FIRST - 1, LONG, sqlite=sqlite)
    assert told.violation is None, told.violation


def test_a_seed_tells_the_same_story_on_sqlite_and_in_memory():
    for seed in range(FIRST, FIRST + 3):
        assert tell(seed, SHORT, sqlite=True) == tell(seed, SHORT, sqlite=False)


@pytest.mark.parametrize("mutant", QUICKLY_FOUND)
def test_a_planted_bug_is_found_soon(mutant: str):
    seeds, _ = hunt(mutant, most=60)
    assert seeds is not None, f"the simulation is blind to: {mutant}"


def test_every_planted_bug_fits_the_product():
    for mutant in MUTANTS:
        require_planted(mutant, tell(FIRST, STEPS, mutant=mutant))


def test_there_are_at_least_twenty_planted_bugs():
    assert len(MUTANTS) >= 20
