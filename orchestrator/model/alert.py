"""What somebody is told when a promise breaks, and what came of telling them."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from orchestrator.model.names import ChannelName, Series
from orchestrator.model.policy import Event
from orchestrator.model.run import ErrorReport


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One message about one series.

    ``last_good`` is a sentence such as "20261122T020000Z-7f3a9c, 4 h old, verified to content" or
    "none: this series has never had a backup". ``next_command`` is what to type next.
    """

    event: Event
    series: Series
    at: datetime
    error: ErrorReport
    last_good: str
    next_command: str


class DeliveryState(Enum):
    """What the transport of a channel answered."""

    SENT = "sent"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What came of one alert on one channel; ``answer`` is the transport's, without secrets."""

    channel: ChannelName
    state: DeliveryState
    answer: str
