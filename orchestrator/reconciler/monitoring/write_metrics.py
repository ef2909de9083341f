"""Figures for monitoring, after each pass, also after one that could not be made."""

import logging
from datetime import datetime

from orchestrator.errors import OrchestratorError
from orchestrator.execution.context import Execution
from orchestrator.model.observation import Observation
from orchestrator.planning.health.figures import Figures
from orchestrator.ports.metrics import MetricsSink, NoMetrics
from orchestrator.reconciler.monitoring.look_at_health import read_figures

_log = logging.getLogger("orchestrator.metrics")


def write_metrics(execution: Execution, seen: Observation, *, policies_valid: bool = True) -> None:
    """Write the figures of a pass that was made; what goes wrong is logged, and stops nothing."""
    if isinstance(execution.metrics, NoMetrics):
        return
    try:
        figures = read_figures(
            execution.desired, execution.reader, seen, policies_valid=policies_valid
        )
    except OrchestratorError as error:
        _log.warning("metrics_not_written", extra={"code": error.code, "what": error.what})
        write_failed_pass(execution.metrics, seen.now, policies_valid=policies_valid)
    else:
        _write(execution.metrics, figures)


def write_failed_pass(metrics: MetricsSink, now: datetime, *, policies_valid: bool = True) -> None:
    """Write that a pass could not be made: nothing is known of anything else then."""
    _write(metrics, Figures(at=now, pass_succeeded=False, policies_valid=policies_valid))


def _write(metrics: MetricsSink, figures: Figures) -> None:
    try:
        metrics.write(figures)
    except OrchestratorError as error:
        _log.warning("metrics_not_written", extra={"code": error.code, "what": error.what})
