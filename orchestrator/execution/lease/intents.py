"""Taking back what was said at a destination (design §6, intents)."""

import logging

from orchestrator.archive.layout import intent_key
from orchestrator.errors import OrchestratorError
from orchestrator.model.names import RunId
from orchestrator.ports.destination import Destination

_log = logging.getLogger(__name__)


def remove_intent(run: RunId, destination: Destination, path: str) -> None:
    """Remove the intent of a run, or log that it stays.

    It ends by itself, at the time that it names; how the run itself ended matters more.
    """
    try:
        destination.remove(intent_key(path, run))
    except OrchestratorError as error:
        what = {"run": run, "destination": str(destination.name), "what": error.what}
        _log.warning("intent_not_removed", extra=what)
        _log.debug("intent_not_removed: %s", error, exc_info=error)
