"""Incidents, the outbox, and what only alerts need, in SQL."""

from orchestrator.catalog.sql.outbox.facts import SqlAlertFacts
from orchestrator.catalog.sql.outbox.incidents import SqlOutbox

__all__ = ["SqlAlertFacts", "SqlOutbox"]
