"""Looking at what is wrong, and telling whoever is to know, now."""

import logging
from dataclasses import replace

from orchestrator.errors import CatalogError
from orchestrator.execution.context import Execution
from orchestrator.execution.deliver_outbox import deliver_outbox
from orchestrator.execution.tell_without_catalog import tell_without_catalog
from orchestrator.model.alert import Delivery, DeliveryState
from orchestrator.model.observation import Observation
from orchestrator.reconciler.observe import observe
from orchestrator.reconciler.telling.incidents import END, Concerns, note_troubles

_log = logging.getLogger(__name__)


def tell(
    execution: Execution,
    seen: Observation | None = None,
    concerns: Concerns = END,
    *,
    unrecorded: CatalogError | None = None,
) -> tuple[Delivery, ...]:
    """Note what is wrong, by ``seen`` or by a new look, and try every channel at once.

    A channel that takes nothing, or does again, is told of on the others. A catalog that cannot be
    used is told of directly; nothing is raised for it. ``unrecorded`` is why it did not take
    something before, if so: it may well take what is noted now, and would say nothing of that.
    """
    told: tuple[Delivery, ...] = ()
    try:
        told = _tell(
            execution, seen, replace(concerns, is_in_doubt=True) if unrecorded else concerns
        )
    except CatalogError as error:
        unrecorded = unrecorded or error
    if unrecorded is None:
        return told
    return (*told, *_tell_directly(unrecorded, execution))


def _tell_directly(error: CatalogError, execution: Execution) -> tuple[Delivery, ...]:
    _log.warning("told_without_catalog", extra={"code": error.code, "what": error.what})
    return tell_without_catalog(
        error,
        execution.desired,
        execution.alerts,
        notes=execution.notes,
        now=execution.clock.now(),
    )


def _tell(
    execution: Execution, seen: Observation | None, concerns: Concerns
) -> tuple[Delivery, ...]:
    seen = seen or look(execution)
    note_troubles(seen, execution, concerns)
    deliveries = deliver_outbox(execution, at_once=True)
    if not deliveries:
        return ()
    # Which channels take nothing, and which do again, is known only now.
    note_troubles(seen, execution, concerns)
    failed = {one.channel for one in deliveries if one.state is DeliveryState.FAILED}
    return (*deliveries, *deliver_outbox(execution, at_once=True, sparing=failed))


def look(execution: Execution) -> Observation:
    """Look at everything again.

    Raises:
        CatalogError: the catalog cannot be read.
    """
    return observe(execution.desired, execution.reader, execution.clock, execution.machine)
