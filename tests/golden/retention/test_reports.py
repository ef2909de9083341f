"""A simulation, as people read it and as it is drawn, equals what is written beside it.

``UPDATE_GOLDEN=1 pytest tests/golden`` writes the files anew; look at the drawing before keeping it.
"""

import os
from datetime import timedelta
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from orchestrator.cli.retention.plot import draw_simulation
from orchestrator.cli.retention.report import Scenario, describe_simulation
from orchestrator.cli.retention.simulate import simulate
from tests.support.builders import a_policy, a_schedule, utc

HERE = Path(__file__).parent


def a_scenario(
    *, days: int, every: timedelta | None = None, outage: tuple[int, int] | None = None
) -> Scenario:
    schedules = [a_schedule(), a_schedule("frequent", "0 */6 * * *")]
    return Scenario(
        policy=a_policy(timezone="Europe/London", schedules=schedules),
        start=utc("2026-03-01T00:00"),
        days=days,
        every=every,
        outage=outage,
        backup_bytes=2_000_000,
        is_measured=True,
    )


SCENARIOS = {
    "a_year_of_two_schedules": a_scenario(days=365),
    "an_outage_and_its_backlog": a_scenario(days=120, every=timedelta(hours=6), outage=(60, 90)),
    "an_outage_to_the_end": a_scenario(days=20, every=timedelta(days=1), outage=(10, 99)),
    "one_day": a_scenario(days=1),
}


def compare(path: Path, text: str) -> None:
    if os.environ.get("UPDATE_GOLDEN") == "1":
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_simulation_reads_as_written(name: str):
    lines = describe_simulation(SCENARIOS[name], simulate(SCENARIOS[name]))
    compare(HERE / f"{name}.txt", "\n".join(lines) + "\n")


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_simulation_is_drawn_as_written(name: str):
    drawing = draw_simulation(SCENARIOS[name], simulate(SCENARIOS[name]))
    assert ET.fromstring(drawing).tag.endswith("svg")  # noqa: S314 - our own drawing
    compare(HERE / f"{name}.svg", drawing)


def test_no_golden_file_is_left_over():
    assert {path.stem for path in HERE.glob("*.[st][vx][gt]")} == set(SCENARIOS)
