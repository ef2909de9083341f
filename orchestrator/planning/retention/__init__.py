"""Which rules keep which copy: tiers over the calendar, and what is always kept (design §7)."""

from orchestrator.planning.retention.decide import decide_retention
from orchestrator.planning.retention.labels import label_backups

__all__ = ["decide_retention", "label_backups"]
