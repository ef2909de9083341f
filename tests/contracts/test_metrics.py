"""What every sink of figures promises (orchestrator/ports/metrics.py), and its textfile's form."""

from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from orchestrator.errors import MetricsError
from orchestrator.metrics.memory import MemoryMetrics
from orchestrator.metrics.textfile import MetricsTextfile
from orchestrator.model.names import ChannelName, DatabaseName, PolicyName, Series
from orchestrator.model.verification import Level
from orchestrator.planning.health.figures import Figures, SeriesFigures
from orchestrator.ports.metrics import MetricsSink, NoMetrics
from tests.support.builders import utc

FIGURES = Figures(
    at=utc("2026-11-22T03:00"),
    pass_succeeded=True,
    series=(
        SeriesFigures(
            series=Series(PolicyName("practice"), DatabaseName('o"d\\d\nname\udcff é')),
            newest=None,
            backups=0,
            promised_level=Level.CONTENT,
            failures=3,
            suspicious=0,
            promises={},
            runs={},
        ),
    ),
    waiting={ChannelName("ops"): 2},
)


@pytest.mark.parametrize("kind", ["memory", "textfile", "none"])
def test_figures_of_one_pass_replace_those_of_the_one_before(tmp_path: Path, kind: str):
    path = tmp_path / "backups.prom"
    memory = MemoryMetrics()
    sinks: dict[str, MetricsSink] = {
        "memory": memory,
        "textfile": MetricsTextfile(path),
        "none": NoMetrics(),
    }
    sinks[kind].write(FIGURES)
    sinks[kind].write(replace(FIGURES, pass_succeeded=False))

    if kind == "memory":
        assert not memory.written[-1].pass_succeeded
    if kind == "textfile":
        assert "\norchestrator_last_pass_success 0.0\n" in path.read_text()
        assert list(tmp_path.iterdir()) == [path]


def test_names_of_any_characters_are_read_back_by_the_librarys_parser(tmp_path: Path):
    path = tmp_path / "backups.prom"
    MetricsTextfile(path).write(FIGURES)

    samples = {
        sample.name: sample
        for family in text_string_to_metric_families(path.read_text("utf-8"))
        for sample in family.samples
    }
    failures = samples["orchestrator_series_failures"]
    assert failures.labels == {"policy": "practice", "database": 'o"d\\d\nname? é'}
    assert failures.value == 3
    assert samples["orchestrator_outbox_messages"].value == 2


def test_a_file_that_cannot_be_written_is_an_error_and_the_old_one_stays(tmp_path: Path):
    with pytest.raises(MetricsError, match="no/backups"):
        MetricsTextfile(tmp_path / "no" / "backups.prom").write(FIGURES)
