"""Everything that people and monitoring are shown of how the policies fare, read at one moment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from orchestrator.execution.prune.retired import count_retired
from orchestrator.model.alert import Trouble
from orchestrator.model.incident import Message
from orchestrator.model.names import DestinationName, Series
from orchestrator.model.observation import Observation
from orchestrator.model.policy import DesiredState
from orchestrator.model.space import SpaceHistory
from orchestrator.planning.alerting import Findings, find_troubles
from orchestrator.planning.health.figures import Figures, Known, take_figures
from orchestrator.planning.storage import find_storage_troubles, measured_until
from orchestrator.ports.catalog import CatalogReader
from orchestrator.ports.clock import Clock
from orchestrator.ports.machine import Machine
from orchestrator.reconciler.observe import observe
from orchestrator.reconciler.running import read_running

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """What was observed, what is wrong, the room at destinations, and what waits to be told.

    ``retired`` counts the backups of series that no policy file names.
    """

    desired: DesiredState
    seen: Observation
    troubles: tuple[Trouble, ...]
    space: Mapping[DestinationName, SpaceHistory]
    undelivered: Sequence[Message]
    retired: Mapping[Series, int]


def look_at_health(
    desired: DesiredState, reader: CatalogReader, clock: Clock, machine: Machine
) -> Health:
    """Look at everything, and change nothing.

    Raises:
        CatalogError: the catalog cannot be read.
    """
    seen = observe(desired, reader, clock, machine)
    space, undelivered = measured_until(seen.now, reader.space()), reader.undelivered()
    findings = Findings(
        setbacks=reader.setbacks(),
        damaged=reader.damaged_copies(),
        uncovered=reader.uncovered_tables(),
        running=read_running(desired, seen, reader),
        undelivered=undelivered,
        others=find_storage_troubles(desired, space, now=seen.now),
    )
    return Health(
        desired=desired,
        seen=seen,
        troubles=find_troubles(desired, seen, findings),
        space=space,
        undelivered=undelivered,
        retired=count_retired(reader, desired),
    )


def read_figures(
    desired: DesiredState,
    reader: CatalogReader,
    seen: Observation,
    *,
    policies_valid: bool = True,
) -> Figures:
    """Return the figures for monitoring after a pass that was made.

    Raises:
        CatalogError: the catalog cannot be read.
    """
    known = Known(
        runs=reader.runs(since=seen.now - DAY),
        space=measured_until(seen.now, reader.space()),
        undelivered=reader.undelivered(),
    )
    return take_figures(desired, seen, known, pass_succeeded=True, policies_valid=policies_valid)
