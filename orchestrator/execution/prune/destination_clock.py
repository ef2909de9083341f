"""Whether a destination's clock agrees with ours: something is written there, and its time looked at.

A clock of ours that jumped contradicts nothing that we remember: marks only look old enough then.
So before anything is removed the place is asked what time it is now (design §7; fault F69).
"""

import logging
from datetime import UTC, datetime

from orchestrator.archive.intent import Intent, Purpose, encode_intent
from orchestrator.archive.layout import intent_key
from orchestrator.errors import ObjectExistsError, OrchestratorError, PruneRefusedError
from orchestrator.execution.context import Execution
from orchestrator.execution.lease.hold_lease import HeldLease
from orchestrator.planning.clocks import ahead_of_ours
from orchestrator.planning.pruning.guards import find_clock_trouble
from orchestrator.ports.destination import Destination, ObjectInfo

NO_CLOCK = datetime(1970, 1, 2, tzinfo=UTC)
"""What is older was stored by a place that does not know when."""

_log = logging.getLogger(__name__)


def refuse_if_clocks_differ(
    destination: Destination, path: str, *, held: HeldLease, execution: Execution
) -> None:
    """Do nothing if a destination's clock is near ours, or if it has none.

    Raises:
        PruneRefusedError: they are more than `CLOCK_TOLERANCE` apart.
        LeaseLostError: before anything is written.
        DestinationError: the destination cannot be reached or written.
    """
    trouble = _find_trouble(destination, path, held=held, execution=execution)
    if trouble is not None:
        raise PruneRefusedError(
            f"nothing is pruned or collected at {destination.name!r}: the clock cannot be trusted:"
            f" {trouble}",
            next_step="set the clock that is wrong; the next pass goes on by itself",
        )


def _find_trouble(
    destination: Destination, path: str, *, held: HeldLease, execution: Execution
) -> str | None:
    asked_at = execution.clock.now()
    written = _write_and_look(destination, path, held=held, execution=execution)
    now = execution.clock.now()
    if written is None or written.modified_at < NO_CLOCK:
        return None
    ahead = ahead_of_ours(written.modified_at, asked_at=asked_at, answered_at=now)
    return find_clock_trouble(now, others={"the destination": now + ahead}, last_pass=None)


def _write_and_look(
    destination: Destination, path: str, *, held: HeldLease, execution: Execution
) -> ObjectInfo | None:
    """Write an intent that has ended already, so that it hinders nobody, and look at its time.

    If it is left behind, whoever takes our lease over or collects next removes it.
    """
    lease = held.lease
    intent = Intent(
        run=lease.run,
        series=lease.series,
        host=lease.holder.host,
        process=lease.holder.process,
        purpose=Purpose.WRITE,
        until=execution.clock.now(),
    )
    key = intent_key(path, lease.run)
    held.check()
    try:
        destination.create(key, encode_intent(intent))
    except ObjectExistsError:
        destination.replace(key, encode_intent(intent))
    try:
        return destination.stat(key)
    finally:
        try:
            destination.remove(key)
        except OrchestratorError as error:
            _log.debug("intent_not_removed: %s", error, exc_info=error)
