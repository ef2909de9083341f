"""A heartbeat in memory: the twin of the real one, for tests and trials."""

from dataclasses import dataclass, field

from orchestrator.model.secret import Secret
from orchestrator.ports.heartbeat import Answer


@dataclass
class MemoryHeartbeat:
    """Keeps every ping as address, verdict and words; takes none while it is ``dead``."""

    received: list[tuple[str, bool, str]] = field(default_factory=list)
    dead: bool = False

    def ping(self, url: Secret, *, is_well: bool, words: str) -> Answer:
        """Keep the ping."""
        if self.dead:
            return Answer(is_taken=False, words="503")
        self.received.append((url.reveal(), is_well, words))
        return Answer(is_taken=True, words="200")
