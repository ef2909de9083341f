"""What is wrong now, and who hears of it: incidents follow from state (docs/adr/0014)."""

from orchestrator.planning.alerting.digest import DigestFacts, due_digests, write_digest
from orchestrator.planning.alerting.follow import (
    Followed,
    Moment,
    follow_incidents,
    recover_unrecorded,
)
from orchestrator.planning.alerting.routes import Notice, route_troubles
from orchestrator.planning.alerting.troubles import Findings, find_troubles

__all__ = [
    "DigestFacts",
    "Findings",
    "Followed",
    "Moment",
    "Notice",
    "due_digests",
    "find_troubles",
    "follow_incidents",
    "recover_unrecorded",
    "route_troubles",
    "write_digest",
]
