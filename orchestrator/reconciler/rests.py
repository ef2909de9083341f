"""What was done and is still asked for rests before it is done again.

A failed backup is put off by the plan itself, from the attempts that the catalog remembers. This
is for what leaves no attempt behind, such as a copy that cannot be read or a lease that cannot be
taken, and keeps a defect from turning in a circle.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace

from orchestrator.model.actions import Action
from orchestrator.planning.retries import wait_after


@dataclass(slots=True)
class _Rest:
    times: int
    until: float


class Rests:
    """How often each action was done in vain, and until when it rests (monotonic seconds)."""

    def __init__(self) -> None:
        self._rests: dict[Action, _Rest] = {}

    def note(self, action: Action, now: float) -> None:
        """Let an action that was just done rest: 30 s, then 1, 2, 4 … 15 min.

        That is half of what the plan waits after a failed attempt, so it never delays a retry.
        """
        rest = self._rests.setdefault(_without_reason(action), _Rest(0, now))
        rest.times += 1
        rest.until = now + wait_after(rest.times).total_seconds() / 2

    def is_resting(self, action: Action, now: float) -> bool:
        """Whether an action has to wait."""
        rest = self._rests.get(_without_reason(action))
        return rest is not None and now < rest.until

    def forget_all_but(self, asked: Collection[Action]) -> None:
        """Forget what is not asked for any more: it was not in vain."""
        kept = {_without_reason(action) for action in asked}
        self._rests = {action: rest for action, rest in self._rests.items() if action in kept}

    def next_end(self, now: float) -> float | None:
        """Return when the next rest ends, or None if nothing rests."""
        return min((rest.until for rest in self._rests.values() if rest.until > now), default=None)


def _without_reason(action: Action) -> Action:
    # The reason says how long ago something was due, so it differs each time.
    return replace(action, reason="")
