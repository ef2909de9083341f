"""A destination, by effect: an object is written, read back, listed and removed.

The place must be ours, or empty: into one whose marker is missing or another's nothing is written,
not even a probe (design §6). No marker is written either; that is for the first backup.
"""

from collections.abc import Sequence

from orchestrator.archive.layout import PROBE_PREFIX
from orchestrator.errors import DestinationError, OrchestratorError
from orchestrator.execution.attach_destination import open_if_attached, require_empty
from orchestrator.execution.context import Execution
from orchestrator.model.names import DestinationName, ObjectKey
from orchestrator.ports.destination import Destination
from orchestrator.ports.preflight import Finding, Severity, problem

_CONTENT = b"written and removed by `orchestrator validate --online`\n"


def inspect_destination(name: DestinationName, execution: Execution) -> Sequence[Finding]:
    """Return what keeps a destination from taking backups; nothing if it takes, gives and lets go.

    A place that is not there yet, and was never used, is made for the time of the trial.
    """
    try:
        attached = open_if_attached(name, execution)
        if attached is not None:
            _try(attached, execution)
            return []
        if execution.destinations.is_there(name):
            _try_new(name, execution)
            return []
        execution.destinations.make(name)
        try:
            _try_new(name, execution)
        finally:
            execution.destinations.unmake(name)
    except OrchestratorError as error:
        return [problem(f"destination {name}", error)]
    return [_not_there_yet(name, execution)]


def _not_there_yet(name: DestinationName, execution: Execution) -> Finding:
    return Finding(
        severity=Severity.NOTE,
        subject=f"destination {name}",
        what=f"{execution.desired.destinations[name].url} is not there yet: the first backup makes it",
        next_step="if backups should lie there already, mount its disk or correct the url",
    )


def _try_new(name: DestinationName, execution: Execution) -> None:
    destination = execution.destinations.open(name)
    require_empty(name, destination)
    _try(destination, execution)


def _try(destination: Destination, execution: Execution) -> None:
    _probe(destination, ObjectKey(f"{PROBE_PREFIX}{execution.machine.random_hex(12)}"))


def _probe(destination: Destination, key: ObjectKey) -> None:
    destination.create(key, _CONTENT)
    try:
        if destination.read(key) != _CONTENT or destination.stat(key) is None:
            raise DestinationError(
                f"destination {destination.name!r} does not give back what was written",
                next_step="see whether something between here and there changes or caches objects",
            )
    finally:
        destination.remove(key)
    if destination.stat(key) is not None:
        raise DestinationError(
            f"destination {destination.name!r} does not let go of objects: {key} is still there",
            next_step="allow removing there, or nothing can ever be pruned",
        )
