# ruff: noqa: T201 - a program that prints its figures
"""Tells many stories: the long run of `make simulate`, one seed again, and the hunt for mutants.

python -m tests.simulation.runner                    # policy-years, seeds, violations, mutants
python -m tests.simulation.runner --seed 5036 --steps 40 [--sqlite] [--mutant NAME]
"""

import argparse
import logging
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from orchestrator.catalog.memory import MemoryCatalog
from orchestrator.catalog.open import open_catalog
from tests.simulation.copies import ViolationError
from tests.simulation.mutants import MUTANTS
from tests.simulation.one_thread import one_thread
from tests.simulation.story import Story, Tally

IN_MEMORY = Path("/dev/shm")  # noqa: S108 - a private folder is made below it
EVERY_SQLITE = 25
"""Every so many seeds the catalog is a real one on SQLite: it costs four times the time."""
LONG, SHORT = 40, 8
"""Steps of a story: in the long run, and in tests and the hunt for mutants."""
SHORT_FIRST, MOST_SEEDS = 100, 500
"""So many short stories are told first to find a planted bug; the others, up to the most, are long."""
PART = 20
WANTED_YEARS = 1000.0


@dataclass(frozen=True)
class Told:
    """What became of one seed: its tally, and the violation in words, or None."""

    seed: int
    tally: Tally
    violation: str | None = None
    invariant: str | None = None


@contextmanager
def catalogs(*, sqlite: bool) -> Iterator[Callable[[], Any]]:
    """What makes empty catalogs: in memory, or on SQLite in folders that go away."""
    if not sqlite:
        yield MemoryCatalog
        return
    with ExitStack() as stack:

        def open_another() -> Any:  # noqa: ANN401 - a catalog
            folder = tempfile.mkdtemp(dir=IN_MEMORY if IN_MEMORY.is_dir() else None)
            stack.callback(shutil.rmtree, folder)
            catalog = open_catalog(f"sqlite:///{folder}/catalog.sqlite3")
            stack.callback(catalog.close)
            return catalog

        yield open_another


def tell(seed: int, steps: int, *, sqlite: bool | None = None, mutant: str | None = None) -> Told:
    """Tell the story of a seed; by default every `EVERY_SQLITE`th has its catalog on SQLite."""
    on_sqlite = seed % EVERY_SQLITE == 0 and mutant is None if sqlite is None else sqlite
    planted = MUTANTS[mutant]() if mutant else nullcontext()
    with one_thread(), catalogs(sqlite=on_sqlite) as new_catalog, planted:
        story = Story(seed, new_catalog, steps)
        try:
            return Told(seed, story.tell())
        except ViolationError as violation:
            again = f"--seed {seed} --steps {steps}" + (" --sqlite" if on_sqlite else "")
            again += f" --mutant '{mutant}'" if mutant else ""
            said = [
                f"VIOLATION of {violation}",
                f"seed {seed}, step {story.tally.steps} of {steps}; what happened before:",
                *(f"  {event}" for event in story.world.events),
                f"again: .venv/bin/python -m tests.simulation.runner {again}",
            ]
            return Told(seed, story.tally, "\n".join(said), violation.invariant)


def hunt(mutant: str, *, most: int = MOST_SEEDS, first: int = 0) -> tuple[int | None, str | None]:
    """Return after how many seeds a planted bug is found, and by which invariant; or Nones."""
    for number in range(1, most + 1):
        told = tell(first + number, SHORT if number <= SHORT_FIRST else LONG, mutant=mutant)
        if told.violation:
            require_planted(mutant, told)
            return number, told.invariant
    return None, None


def require_planted(mutant: str, told: Told) -> None:
    """Do nothing unless a mutant fits the product no more, which would be taken for its being found."""
    if told.violation is not None and "unexpected TypeError" in told.violation:
        raise TypeError(
            f"the mutant {mutant!r} does not fit the product any more: {told.violation}"
        )


def tell_part(first: int, steps: int = LONG) -> list[Told]:
    """Tell the stories of some seeds in a row."""
    return [tell(seed, steps) for seed in range(first, first + PART)]


# ---------------------------------------------------------------- the long run
def run_long(pool: ProcessPoolExecutor, *, years: float, first: int) -> list[Told]:
    """Tell stories until they amount to so many policy-years."""
    told: list[Told] = []
    while _sum_years(told) < years:
        starts = [first + len(told) + PART * part for part in range(4)]
        new = [one for part in pool.map(tell_part, starts) for one in part]
        for one in new:
            if one.violation:
                _say(one.violation)
        told += new
        bad = sum(one.violation is not None for one in told)
        _say(f"{len(told)} seeds, {_sum_years(told):.0f} policy-years, {bad} violations")
    return told


def _say(progress: str) -> None:
    print(f"  {progress}", file=sys.stderr, flush=True)


def _sum_years(told: Sequence[Told]) -> float:
    return sum(one.tally.policy_years for one in told)


def report_long(told: Sequence[Told], seconds: float) -> int:
    """Print what the long run amounted to, and return the number of violations."""
    violations = [one.seed for one in told if one.violation]
    outages = sum(one.tally.outage_years for one in told)
    print(
        f"policy-years   {_sum_years(told):.0f}, of which {outages:.0f} in outages of a day to 400 days"
    )
    print(f"seeds          {len(told)}, every {EVERY_SQLITE}th on SQLite")
    print(f"passes         {sum(one.tally.passes for one in told)}")
    print(f"backups        {sum(one.tally.backups for one in told)}")
    print(f"seconds        {seconds:.0f}")
    named = f", of the seeds {violations}" if violations else ""
    print(f"violations     {len(violations)}{named}", flush=True)
    return len(violations)


def report_hunt(pool: ProcessPoolExecutor, first: int) -> int:
    """Look for every planted bug, print the seeds that it took, and return how many were missed."""
    names, counts = list(MUTANTS), []
    for name, (seeds, invariant) in zip(
        names, pool.map(partial(hunt, first=first), names), strict=True
    ):
        if seeds is not None:
            counts.append(seeds)
        said = "NOT FOUND" if seeds is None else f"{seeds:5d} seeds, {invariant}"
        print(f"  {name:42s} {said}", flush=True)
    median = f", median {statistics.median(counts):.0f} seeds" if counts else ""
    print(f"mutants found  {len(counts)}/{len(names)}{median}")
    return len(names) - len(counts)


def main() -> int:
    """Run what the command line asks for; the exit code is 0 only if all is as it should be."""
    logging.disable(logging.CRITICAL)
    asked = _ask()
    if asked.seed is not None:
        told = tell(asked.seed, asked.steps, sqlite=asked.sqlite or None, mutant=asked.mutant)
        print(told.violation or f"no violation: {told.tally}")
        return 1 if told.violation else 0
    with ProcessPoolExecutor(asked.workers) as pool:
        begun = time.monotonic()
        told_all = run_long(pool, years=asked.years, first=asked.first)
        bad = report_long(told_all, time.monotonic() - begun)
        missed = report_hunt(pool, asked.first)
    return 1 if bad or missed else 0


def _ask() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, help="tell one story again")
    parser.add_argument("--steps", type=int, default=LONG)
    parser.add_argument("--sqlite", action="store_true", help="its catalog on SQLite")
    parser.add_argument("--mutant", choices=list(MUTANTS), help="with a planted bug")
    parser.add_argument("--years", type=float, default=WANTED_YEARS, help="of the long run")
    parser.add_argument("--first", type=int, default=0, help="the first seed of the long run")
    parser.add_argument("--workers", type=int, default=2)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
