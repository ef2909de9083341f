"""What becomes of an expired copy in one pass, with its reason."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from orchestrator.model.names import BackupId
from orchestrator.planning.phrases import say_time
from orchestrator.planning.pruning.ledger import ExpiredMark
from orchestrator.planning.retention.copies import RatedCopy


class Verdict(Enum):
    """What becomes of an expired copy in this pass."""

    PRUNE = "prune"
    """It goes."""
    WAITS = "waits"
    """Its ``prune_delay`` is not over."""
    REFUSED = "refused"
    """A guard stands in the way."""
    BEYOND = "beyond"
    """It expired beyond normal ageing and waits for `apply --allow-prune N`."""
    TOMORROW = "tomorrow"
    """Enough was pruned in this rolling day; it follows by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PruneDecision:
    """What becomes of one expired copy. ``mark`` is None if it may not even be marked yet.

    ``ready_at`` is when its delay is over; ``guard`` says what refused it or let it go.
    """

    copy: RatedCopy
    verdict: Verdict
    mark: ExpiredMark | None
    ready_at: datetime | None
    guard: str | None

    @property
    def order(self) -> tuple[datetime, datetime, BackupId]:
        """Sorts the longest expired first: it goes first, and fills the measure of a day."""
        return self.copy.at if self.mark is None else self.mark.at, *self.copy.order

    @property
    def reason(self) -> str:
        """Why, in words."""
        since = "" if self.mark is None else f"expired since {say_time(self.mark.at)}; "
        return since + self._say_verdict()

    def _say_beyond(self) -> str:
        if self.mark is None or not self.mark.beyond_normal_ageing:
            return ""
        return (
            ", and then for `orchestrator apply --allow-prune N`: more expired in one day than"
            " normal ageing explains"
        )

    def _say_verdict(self) -> str:
        match self.verdict:
            case Verdict.PRUNE:
                return f"prune_delay has passed{self.guard or ''}"
            case Verdict.WAITS:
                end = "" if self.ready_at is None else f", until {say_time(self.ready_at)}"
                return f"it waits for the end of prune_delay{end}{self._say_beyond()}"
            case Verdict.REFUSED:
                return self.guard or "refused"
            case Verdict.BEYOND:
                return (
                    "more expired in one day than normal ageing explains:"
                    " `orchestrator apply --allow-prune N` lets it go"
                )
            case Verdict.TOMORROW:
                return "as many as may go in one day have gone; it follows by itself"
