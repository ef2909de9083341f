"""Data-loss guards: is a backup what one would expect after the last good one? (design §7)."""

from orchestrator.planning.guards.answering import unanswered
from orchestrator.planning.guards.judging import Judgement, Reference, judge

__all__ = ["Judgement", "Reference", "judge", "unanswered"]
