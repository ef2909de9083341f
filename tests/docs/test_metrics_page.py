"""docs/metrics.md names exactly the metrics that there are, and its rules can be used."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from orchestrator.metrics.families import FiguresCollector
from orchestrator.model.names import DestinationName
from orchestrator.model.policy import DesiredState
from orchestrator.model.space import Space, SpaceHistory, SpaceMeasurement
from orchestrator.planning.health.figures import Known, take_figures
from tests.support.builders import (
    a_backup,
    a_desired_state,
    a_policy,
    a_series_observation,
    an_observation,
    utc,
)

PAGE = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text("utf-8")
NOW = utc("2026-11-22T03:00")


def exposition(desired: DesiredState) -> str:
    """The text that a pass with one backup and one measured place writes."""
    seen = an_observation(NOW, a_series_observation(newest=a_backup(utc("2026-11-22T02:00"))))
    place = DestinationName("local")
    measured = SpaceMeasurement(destination=place, at=NOW, space=Space(free=1, whole=2))
    space = {place: SpaceHistory(measurements=(measured,))}
    known = Known(runs=(), space=space, undelivered=())
    registry = CollectorRegistry()
    registry.register(FiguresCollector(take_figures(desired, seen, known, pass_succeeded=True)))
    return generate_latest(registry).decode()


TEXT = exposition(a_desired_state(a_policy()))
FAMILIES = list(text_string_to_metric_families(TEXT))


def test_every_metric_is_described_with_its_labels():
    rows = re.findall(r"^\| `(orchestrator_\w+)` \| ([a-z, ]*) *\|", PAGE, re.MULTILINE)
    described = {name: frozenset(filter(None, labels.strip().split(", "))) for name, labels in rows}

    assert described == {
        family.name: frozenset(label for sample in family.samples for label in sample.labels)
        for family in FAMILIES
    }
    assert all(family.samples for family in FAMILIES)
    assert all(family.documentation for family in FAMILIES)


def rules() -> str:
    [text] = [t for t in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL) if "groups:" in t]
    return str(text)


def test_rules_speak_of_metrics_that_there_are():
    [group] = yaml.safe_load(rules())["groups"]
    names = {family.name for family in FAMILIES}
    for rule in group["rules"]:
        used = set(re.findall(r"orchestrator_\w+", rule["expr"]))
        assert used
        assert used <= names, rule["alert"]


@pytest.mark.parametrize(("command", "text"), [("rules", rules()), ("metrics", TEXT)])
def test_promtool_agrees_where_it_is_there(tmp_path: Path, command: str, text: str):
    promtool = shutil.which("promtool")
    file = tmp_path / "checked"
    file.write_text(text)
    if promtool is None:
        # The client library's own parser has read the metrics; of rules the form is checked.
        assert FAMILIES
        assert set(yaml.safe_load(rules())["groups"][0]) == {"name", "rules"}
        return
    arguments = [promtool, "check", command, *([str(file)] if command == "rules" else [])]
    checked = subprocess.run(
        arguments, input=text, capture_output=True, text=True, timeout=60, check=False
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
