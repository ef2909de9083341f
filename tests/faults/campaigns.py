# ruff: noqa: T201 - a program that prints its figures
"""Runs the fault campaigns in full size, one line for each: what `make faults` does.

python -m tests.faults.campaigns             # all of them, for hours
python -m tests.faults.campaigns frozen kill # some
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

SEED = "20261123"
SHOWN_LINES = 40


@dataclass(frozen=True)
class Campaign:
    """One file of tests, the variable that gives its size, and the full size."""

    name: str
    variable: str
    size: int
    what: str

    @property
    def file(self) -> str:
        return f"tests/faults/test_{self.name}.py"


CAMPAIGNS = (
    Campaign("kill", "ORCHESTRATOR_KILL_ROUNDS", 50, "kill -9 of `apply` and `backup`"),
    Campaign(
        "kill_while_pruning",
        "ORCHESTRATOR_KILL_PRUNING_ROUNDS",
        100,
        "kill -9 of a pass that backs up, prunes and collects",
    ),
    Campaign("interrupt", "ORCHESTRATOR_INTERRUPT_ROUNDS", 300, "Ctrl-C and SIGTERM of commands"),
    Campaign("frozen", "ORCHESTRATOR_FROZEN_ROUNDS", 50, "a holder frozen past its lease"),
    Campaign("one_run_per_slot", "ORCHESTRATOR_SLOTS", 500, "processes at once on one catalog"),
    Campaign(
        "two_catalogs",
        "ORCHESTRATOR_COLLECTION_ROUNDS",
        200,
        "two writers and a collection at once",
    ),
    Campaign(
        "random_copies",
        "ORCHESTRATOR_RANDOM_COPIES",
        200,
        "random databases backed up, restored and compared",
    ),
    Campaign("large_value", "ORCHESTRATOR_LARGE_VALUE_MEBIBYTES", 400, "one value, in mebibytes"),
    Campaign("many_tables", "ORCHESTRATOR_MANY_TABLES", 10000, "a database of so many tables"),
    Campaign("damage", "ORCHESTRATOR_DAMAGE_ROUNDS", 300, "bits flipped, files cut and removed"),
    Campaign(
        "replace",
        "ORCHESTRATOR_REPLACE_ROUNDS",
        300,
        "`restore --into-existing` that fails at any moment, writers running",
    ),
    Campaign("full_disk", "ORCHESTRATOR_FULL_DISK_SIZES", 20, "destinations that are too small"),
)


def run(campaign: Campaign, folder: Path) -> bool:
    """Run one campaign, print its line, and what it said if it failed; return whether it passed."""
    figures, began = folder / campaign.name, time.monotonic()
    sizes = {
        campaign.variable: os.environ.get(campaign.variable, str(campaign.size)),
        "ORCHESTRATOR_FAULT_SEED": os.environ.get("ORCHESTRATOR_FAULT_SEED", SEED),
        "ORCHESTRATOR_FAULT_FIGURES": str(figures),
    }
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", campaign.file],
        env={**os.environ, **sizes},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    verdict = "passed" if done.returncode == 0 else "FAILED"
    noted = figures.read_text().splitlines() if figures.exists() else []
    print(
        f"{verdict}  {campaign.name}: {campaign.what}, {sizes[campaign.variable]} rounds,"
        f" {time.monotonic() - began:.0f} s{''.join(f'; {figure}' for figure in noted)}",
        flush=True,
    )
    if done.returncode:
        print("\n".join(done.stdout.splitlines()[-SHOWN_LINES:]), flush=True)
    return done.returncode == 0


def main(names: Sequence[str]) -> int:
    """Run the campaigns that were named, or all; return the exit code."""
    unknown = sorted({*names} - {campaign.name for campaign in CAMPAIGNS})
    if unknown:
        known = ", ".join(campaign.name for campaign in CAMPAIGNS)
        print(f"no campaign is called {', '.join(unknown)}; there are: {known}", file=sys.stderr)
        return 64
    chosen = [campaign for campaign in CAMPAIGNS if not names or campaign.name in names]
    with tempfile.TemporaryDirectory() as folder:
        passed = [run(campaign, Path(folder)) for campaign in chosen]
    return 0 if all(passed) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
