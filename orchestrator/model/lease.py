"""One at a time: who may write to a series, and under which fence (design §7)."""

from dataclasses import dataclass
from datetime import datetime

from orchestrator.model.names import RunId, Series
from orchestrator.model.run import Actor


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """The right of one run to write to one series until ``expires_at``.

    ``fence`` grows with every holder; manifests carry it, and one under an older fence that
    appears after a take-over is never adopted.
    """

    series: Series
    run: RunId
    holder: Actor
    fence: int
    expires_at: datetime
