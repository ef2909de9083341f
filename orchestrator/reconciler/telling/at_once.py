"""Looking at what is wrong, and telling whoever is to know, now."""

import logging

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
    execution: Execution, seen: Observation | None = None, concerns: Concerns = END
) -> tuple[Delivery, ...]:
    """Note what is wrong, by ``seen`` or by a new look, and try every channel at once.

    A channel that takes nothing is told of on the others. A catalog that cannot be used is told of
    directly; nothing is raised for it.
    """
    try:
        return _tell(execution, seen, concerns)
    except CatalogError as error:
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
    failed = {one.channel for one in deliveries if one.state is DeliveryState.FAILED}
    if not failed:
        return deliveries
    note_troubles(seen, execution, concerns)
    return (*deliveries, *deliver_outbox(execution, at_once=True, sparing=failed))


def look(execution: Execution) -> Observation:
    """Look at everything again.

    Raises:
        CatalogError: the catalog cannot be read.
    """
    return observe(execution.desired, execution.reader, execution.clock, execution.machine)
