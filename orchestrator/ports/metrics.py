"""Where figures go that monitoring collects."""

from typing import Protocol

from typing_extensions import override

from orchestrator.planning.health.figures import Figures


class MetricsSink(Protocol):
    """Takes the figures of one pass; they replace those of the one before."""

    def write(self, figures: Figures) -> None:
        """Make these the figures that a collector finds, whole or not at all.

        Raises:
            MetricsError: they cannot be written; those of the pass before stay.
        """
        ...


class NoMetrics(MetricsSink):
    """Keeps nothing, for whoever has no such monitoring."""

    @override
    def write(self, figures: Figures) -> None:
        pass
