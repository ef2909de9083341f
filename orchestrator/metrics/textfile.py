"""Figures in a file for the textfile collector of Prometheus' node_exporter."""

import os
from pathlib import Path

from prometheus_client import CollectorRegistry, write_to_textfile

from orchestrator.errors import MetricsError
from orchestrator.metrics.families import FiguresCollector
from orchestrator.planning.health.figures import Figures


class MetricsTextfile:
    """Writes figures to a file, which is replaced as a whole: no reader ever sees a half."""

    def __init__(self, path: Path) -> None:
        """Given the path of a file in a directory that is there, write to it."""
        self._path = path

    def write(self, figures: Figures) -> None:
        """Replace the file.

        Raises:
            MetricsError: it cannot be written.
        """
        registry = CollectorRegistry()
        registry.register(FiguresCollector(figures))
        try:
            write_to_textfile(os.fspath(self._path), registry)
        except OSError as error:
            raise MetricsError(
                f"the metrics file {self._path} cannot be written: {error.strerror}",
                next_step="create its directory, and let this user write there",
            ) from error
