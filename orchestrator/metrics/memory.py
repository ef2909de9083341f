"""Figures in memory: the twin of the real sinks, for tests and trials."""

from dataclasses import dataclass, field

from orchestrator.planning.health.figures import Figures


@dataclass
class MemoryMetrics:
    """Keeps the figures of every pass."""

    written: list[Figures] = field(default_factory=list)

    def write(self, figures: Figures) -> None:
        """Keep them."""
        self.written.append(figures)
