"""Each scenario's plan, as people and as programs read it, equals what is written beside it.

``UPDATE_GOLDEN=1 pytest tests/golden`` writes the files anew; read the difference before keeping it.
"""

import json
import os
from pathlib import Path

import pytest

from orchestrator.model.plan import Plan
from orchestrator.planning.explain import explain_plan, plan_as_json
from orchestrator.planning.planner import make_plan
from tests.golden.scenarios import SCENARIOS

HERE = Path(__file__).parent


def plan_of(name: str) -> Plan:
    scenario = SCENARIOS[name]()
    return make_plan(scenario.desired, scenario.observation)


def compare(path: Path, text: str) -> None:
    if os.environ.get("UPDATE_GOLDEN") == "1":
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_plan_reads_as_written(name: str):
    compare(HERE / name / "plan.txt", "\n".join(explain_plan(plan_of(name))) + "\n")


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_plan_as_json_is_as_written(name: str):
    document = json.dumps(plan_as_json(plan_of(name)), indent=2, ensure_ascii=False)
    compare(HERE / name / "plan.json", document + "\n")


def test_no_golden_folder_is_left_over():
    folders = {path.parent.name for path in HERE.glob("*/plan.*")}
    assert folders <= set(SCENARIOS)
