"""A dead man's switch outside this program: it raises the alarm when it is not pinged."""

from dataclasses import dataclass
from typing import Protocol

from typing_extensions import override

from orchestrator.model.secret import Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Whether a ping was taken, and the service's words about it, without any secret."""

    is_taken: bool
    words: str


class HeartbeatSender(Protocol):
    """Pings addresses; which is a secret as a whole: whoever knows it can feign health."""

    def ping(self, url: Secret, *, is_well: bool, words: str) -> Answer:
        """Tell the service at an address that all is well, or that it is not, with a few words.

        Never raises for a service that is down, slow or answers strangely: that is an answer that
        was not taken. Returns within a few seconds.
        """
        ...


class SilentHeartbeat(HeartbeatSender):
    """Pings nobody, for whoever has no such service."""

    @override
    def ping(self, url: Secret, *, is_well: bool, words: str) -> Answer:
        return Answer(is_taken=True, words="nobody was pinged")
