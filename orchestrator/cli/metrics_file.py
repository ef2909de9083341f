"""``--metrics-file``: figures for monitoring, written after each pass, also a failed one."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from orchestrator.errors import InvalidPolicyError, OrchestratorError
from orchestrator.ports.metrics import MetricsSink
from orchestrator.reconciler.monitoring.write_metrics import write_failed_pass
from orchestrator.wiring import metrics_sink, system_clock

metrics_option = click.option(
    "--metrics-file",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="PATH",
    help="Write figures for Prometheus here after each pass (docs/metrics.md).",
)


@contextmanager
def metrics_to(path: Path | None) -> Iterator[MetricsSink]:
    """Give what takes figures; a block that ends with an error is a pass that could not be made."""
    metrics = metrics_sink(path)
    try:
        yield metrics
    except OrchestratorError as error:
        is_valid = not isinstance(error, InvalidPolicyError)
        write_failed_pass(metrics, system_clock().now(), policies_valid=is_valid)
        raise
