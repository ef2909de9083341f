"""What forbids pruning of a whole series at a destination, whatever the rules say (design §7)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from orchestrator.model.names import BackupId
from orchestrator.planning.clocks import CLOCK_TOLERANCE
from orchestrator.planning.phrases import say_duration, say_time


@dataclass(frozen=True, slots=True, kw_only=True)
class PruneConditions:
    """What is known of a series at a destination in this pass. None has a default, on purpose.

    Texts say what happened, in words; None means that it did not.

    Attributes:
        latest_failure: how the latest attempt failed or was interrupted.
        destination_is_full: the only cause of that failure is that this destination is full.
        newest_verified_is_intact: the newest verified copy here was found whole in this pass.
        clock_trouble: the clock jumped; `find_clock_trouble` says so.
        suspicious: a backup of the series that a guard marked and nobody acknowledged; one of another
            source is marked, too.
        rebuilt_at: when the catalog was rebuilt, if nobody acknowledged that yet.
    """

    latest_failure: str | None
    destination_is_full: bool
    newest_verified_is_intact: bool
    clock_trouble: str | None
    suspicious: BackupId | None
    rebuilt_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why nothing of a series is pruned at a destination.

    ``spares_waiting`` is true where only a full destination stands in the way: what is past
    ``prune_delay`` may go then, because that is what makes room.
    """

    reason: str
    spares_waiting: bool = False


def find_refusal(conditions: PruneConditions) -> Refusal | None:
    """Return the reason why nothing may be pruned, or None. With several, all are named."""
    firm = [*_find_firm(conditions)]
    failure = conditions.latest_failure
    if firm:
        attempt = [] if failure is None else [_say_failure(failure)]
        return Refusal(reason="; ".join([*firm, *attempt]))
    if failure is None:
        return None
    is_full = conditions.destination_is_full
    if is_full and not conditions.newest_verified_is_intact:
        return Refusal(
            reason=f"{_say_failure(failure)}; the destination is full, but its newest verified copy"
            " was not found intact"
        )
    return Refusal(reason=_say_failure(failure), spares_waiting=is_full)


def _say_failure(failure: str) -> str:
    return f"the latest attempt failed: {failure}"


def _find_firm(conditions: PruneConditions) -> Iterator[str]:
    if conditions.clock_trouble is not None:
        yield f"the clock cannot be trusted: {conditions.clock_trouble}"
    if conditions.suspicious is not None:
        yield (
            f"backup {conditions.suspicious} is suspicious:"
            f" `orchestrator acknowledge {conditions.suspicious} --reason …` after a look at it"
        )
    if conditions.rebuilt_at is not None:
        yield f"the catalog was rebuilt at {say_time(conditions.rebuilt_at)}: acknowledge it first"


def find_clock_trouble(
    now: datetime, *, others: Mapping[str, datetime], last_pass: datetime | None
) -> str | None:
    """Return in words how the clock disagrees with others by more than 5 min, or ran backwards.

    ``others`` are what other clocks said at ``now``, by name (``"the database"``); ``last_pass`` is
    when this program last looked at its own. All times are aware UTC.
    """
    found = [
        f"{name} says {say_time(time)}, {say_duration(abs(time - now))}"
        f" {'later' if time > now else 'earlier'} than {say_time(now)} here"
        for name, time in sorted(others.items())
        if abs(time - now) > CLOCK_TOLERANCE
    ]
    if last_pass is not None and now < last_pass:
        found.append(
            f"it is {say_time(now)}, before the last pass at {say_time(last_pass)}: set the clock,"
            " or if it is right now, `orchestrator acknowledge --clock --reason …`"
        )
    return "; ".join(found) or None
