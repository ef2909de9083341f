"""Places of work for faults: the real command with another catalog, a short lease, a shifted clock."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from typing_extensions import override

from tests.support.command_line import COMMAND, PYTHON, Workplace

TOP = Path(__file__).parents[2]
LISTED_IN_WORDS = ("Traceback", "ORC-999")
"""What no user may ever be shown."""


@dataclass(frozen=True)
class FaultPlace(Workplace):
    """A workplace whose commands may have a catalog of their own and other numbers than users have.

    ``lease`` seconds instead of the product's, and clocks ``shift`` seconds ahead: the program is
    the installed one, started by `tests.faults.command` where one of them is wanted.
    """

    catalog: str | None = None
    state: str = ".orchestrator"
    lease: float | None = None
    shift: float = 0.0

    @property
    @override
    def program(self) -> Sequence[str]:
        options = ["--state", self.state]
        if self.catalog is not None:
            options += ["--catalog", self.catalog]
        if self.lease is None and not self.shift:
            return [COMMAND, *options]
        numbers = [str(self.lease or 0), str(self.shift)]
        return [PYTHON, "-m", "tests.faults.command", *numbers, *options]

    @property
    @override
    def environment(self) -> dict[str, str]:
        return {**super().environment, "PYTHONPATH": str(TOP)}

    @property
    def catalog_url(self) -> str:
        return self.catalog or f"sqlite:///{self.root}/{self.state}/catalog.sqlite3"


def note(figure: str) -> None:
    """Add a figure to the summary of a campaign, if this is one (see `campaigns.py`)."""
    file = os.environ.get("ORCHESTRATOR_FAULT_FIGURES")
    if file is not None:
        with Path(file).open("a") as figures:
            figures.write(f"{figure}\n")
