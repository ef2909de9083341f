"""When a failed attempt is made again (design §7, "Due."; faults F01, F44).

The wait doubles with every failure, and is moved a little by a digest of what is tried, so that
many series that failed together do not come back together. Equal input gives an equal time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from orchestrator.errors import AuthenticationFailedError
from orchestrator.model.run import Run, RunState
from orchestrator.planning.phrases import say_time

FIRST_WAIT = timedelta(minutes=1)
LONGEST_WAIT = timedelta(minutes=30)
JITTER = 0.2
"""The largest part of a wait by which it is made shorter or longer."""

REFUSED_LOGINS = 2
"""How many attempts with wrong credentials a window takes: more would lock the account (F44)."""

SECOND = timedelta(seconds=1)
_DIGEST_BYTES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Rest:
    """Why nothing is tried now, and until when; None means: not before the next slot."""

    until: datetime | None
    reason: str


def wait_after(failures: int) -> timedelta:
    """Return how long to wait after so many failures, at least one: 1, 2, 4 … 30 minutes."""
    doublings = min(failures - 1, 16)  # beyond that the cap has long been reached
    return min(FIRST_WAIT * (1 << doublings), LONGEST_WAIT)


def jittered(wait: timedelta, seed: str) -> timedelta:
    """Return a wait made shorter or longer by at most a fifth; the same for the same seed."""
    digest = int.from_bytes(sha256(seed.encode()).digest()[:_DIGEST_BYTES], "big")
    share = digest / (1 << (8 * _DIGEST_BYTES))  # from 0 up to 1
    return wait * (1 + JITTER * (2 * share - 1))


def find_rest(failures: Sequence[Run], seed: str, *, now: datetime) -> Rest | None:
    """Given the failures since a slot came, return until when to rest, or None to try now.

    ``failures`` are attempts that failed or were interrupted, oldest first; ``seed`` names what is
    tried. An attempt that was killed, the first time, is made again at once; so is one that seems
    to have been made in the future, which a clock that was set back leaves behind.
    """
    past = [run for run in failures if run.started_at <= now]
    if not past or _was_killed_once(past):
        return None
    refused = [run for run in past if _is_refused_login(run)]
    if len(refused) >= REFUSED_LOGINS:
        reason = (
            f"{len(refused)} attempts were refused, and another one before the next slot might lock"
            " the account"
        )
        return Rest(until=None, reason=reason)
    latest = past[-1]
    ended = min(latest.finished_at or latest.started_at, now)
    until = ended + jittered(wait_after(len(past)), f"{seed} {len(past)}")
    until = until.replace(microsecond=0) + SECOND
    if until <= now:
        return None
    return Rest(until=until, reason=f"the next try is at {say_time(until)}")


def _was_killed_once(past: Sequence[Run]) -> bool:
    interrupted = [run for run in past if run.state is RunState.INTERRUPTED]
    return len(interrupted) == 1 and interrupted[0] is past[-1]


def _is_refused_login(run: Run) -> bool:
    return run.error is not None and run.error.code == AuthenticationFailedError.code
