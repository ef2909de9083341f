"""Which runs are under way now."""

from collections.abc import Iterator

from orchestrator.model.observation import Observation
from orchestrator.model.policy import DesiredState
from orchestrator.model.run import Run, RunState
from orchestrator.ports.catalog import CatalogReader


def read_running(
    desired: DesiredState, seen: Observation, reader: CatalogReader
) -> tuple[Run, ...]:
    """Return the runs that hold the leases of their series.

    Asked only where there is a lease: the history of every series would be too much to read.

    Raises:
        CatalogError: the catalog cannot be read.
    """
    return tuple(_running(desired, seen, reader))


def _running(desired: DesiredState, seen: Observation, reader: CatalogReader) -> Iterator[Run]:
    for policy in desired.policies.values():
        # Twice: the end comes a while after the time is up, and proving follows reading.
        since = seen.now - 2 * policy.source.max_duration
        for series in policy.series:
            one = seen.series.get(series)
            if one is None or one.lease is None or one.lease.holder_is_gone:
                continue
            runs = reader.runs(series, since=since)
            yield from (run for run in runs if run.state is RunState.RUNNING)
