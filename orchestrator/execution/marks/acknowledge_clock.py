"""Saying that the clock is right again, after it was wrong (design §7; fault F69).

What a pass wrote while the clock was ahead shows for as long that clocks cannot be trusted, and
nobody but a human knows which of them was wrong. So nothing is pruned until one says it, and what
other clocks say now must not contradict.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from orchestrator.archive.layout import PROBE_PREFIX
from orchestrator.errors import OrchestratorError, PruneRefusedError, UsageError
from orchestrator.execution.attach_destination import open_attached
from orchestrator.execution.context import Execution
from orchestrator.execution.prune.destination_clock import NO_CLOCK
from orchestrator.model.names import DestinationName, ObjectKey
from orchestrator.model.policy import Policy
from orchestrator.model.run import CLOCK, LogAction, LogOutcome
from orchestrator.planning.alerting.causes import server_of
from orchestrator.planning.clocks import CLOCK_TOLERANCE, ahead_of_ours
from orchestrator.planning.phrases import say_time
from orchestrator.planning.pruning.guards import find_clock_trouble
from orchestrator.ports.preflight import ServerClock

Ask = Callable[[], datetime | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockAcknowledged:
    """What came of it: when the log ends that counts no more, and who said that the clock is right.

    ``silent`` are the clocks that could not be asked, each with the reason.
    """

    later: datetime
    agreeing: tuple[str, ...]
    silent: Mapping[str, str]


def acknowledge_clock(
    *, reason: str, servers: ServerClock, execution: Execution
) -> ClockAcknowledged:
    """Let pruning go on although a pass was made when the clock was later than it is now.

    The servers of the policies and the destinations are asked for their time first.

    Raises:
        UsageError: no reason was given, or no pass was made later than now.
        PruneRefusedError: a clock that could be asked is more than `CLOCK_TOLERANCE` away.
        CatalogError: the catalog cannot be read or written.
    """
    if not reason.strip():
        raise UsageError(
            "the reason is empty", next_step="say how you know that the clock is right"
        )
    now = execution.clock.now()
    later = execution.reader.clock_ahead(since=now + CLOCK_TOLERANCE)
    if later is None:
        raise UsageError(
            "nothing speaks against the clock: no pass was made at a later time than now",
            next_step="`orchestrator prune --dry-run` says why copies are kept",
        )
    answers = dict(_ask_all(servers, execution))
    ahead = {name: said for name, said in answers.items() if isinstance(said, timedelta)}
    now = execution.clock.now()
    others = {name: now + by for name, by in ahead.items()}
    trouble = find_clock_trouble(now, others=others, last_pass=None)
    if trouble is not None:
        raise PruneRefusedError(
            f"the clock cannot be acknowledged: {trouble}",
            next_step="set the clock that is wrong, then run the same command again",
        )
    detail = {"reason": reason, "was_ahead_until": say_time(later)}
    execution.writer.append_log(
        execution.log_entry(LogAction.ACKNOWLEDGE, CLOCK, LogOutcome.SUCCEEDED, detail)
    )
    silent = {name: said for name, said in answers.items() if isinstance(said, str)}
    return ClockAcknowledged(later=later, agreeing=tuple(ahead), silent=silent)


def _ask_all(servers: ServerClock, execution: Execution) -> Iterator[tuple[str, timedelta | str]]:
    """Yield each clock with how much later than ours it is, or why it says nothing."""
    policies = [policy for _, policy in sorted(execution.desired.policies.items())]
    for server, policy in {server_of(policy): policy for policy in policies}.items():
        yield server, _ask(_server(policy, servers), execution)
    for name in sorted({name for policy in policies for name in policy.destinations}):
        yield f"destination {name}", _ask(_place(name, execution), execution)


def _server(policy: Policy, servers: ServerClock) -> Ask:
    return lambda: servers.server_time(policy.source)


def _place(name: DestinationName, execution: Execution) -> Ask:
    def ask() -> datetime | None:
        destination = open_attached(name, execution)
        key = ObjectKey(f"{PROBE_PREFIX}{execution.machine.random_hex(12)}")
        destination.create(key, b"what time is it?\n")
        try:
            written = destination.stat(key)
        finally:
            destination.remove(key)
        return None if written is None or written.modified_at < NO_CLOCK else written.modified_at

    return ask


def _ask(ask: Ask, execution: Execution) -> timedelta | str:
    asked_at = execution.clock.now()
    try:
        says = ask()
    except OrchestratorError as error:
        return error.what
    if says is None:
        return "it has no clock"
    return ahead_of_ours(says, asked_at=asked_at, answered_at=execution.clock.now())
