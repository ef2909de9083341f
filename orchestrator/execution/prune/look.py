"""What pruning is decided from, read from the catalog: before a pass, and again under the lease."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from orchestrator.execution.context import Execution
from orchestrator.model.backup import AnyBackup
from orchestrator.model.names import DestinationName, Series
from orchestrator.model.policy import Policy
from orchestrator.model.pruning import CollectionState, Tombstone
from orchestrator.model.run import Run, RunState
from orchestrator.planning.clocks import CLOCK_TOLERANCE
from orchestrator.planning.pruning.guards import find_clock_trouble
from orchestrator.planning.pruning.ledger import DAY
from orchestrator.planning.upkeep.view import SeriesView
from orchestrator.ports.catalog import CatalogReader
from orchestrator.ports.history import SeriesHistory


@dataclass(frozen=True, slots=True, kw_only=True)
class PruneSurroundings:
    """What is known of all series at once. ``last_pass`` is a time of our clock that was later."""

    tombstones: Mapping[Series, Sequence[Tombstone]]
    collections: Mapping[tuple[Series, DestinationName], CollectionState]
    rebuilt: Mapping[Series, datetime]
    last_pass: datetime | None
    now: datetime


def look_around(
    reader: CatalogReader, now: datetime, *, is_present: bool = True
) -> PruneSurroundings:
    """Return what pruning asks about all series; ``is_present`` unless ``now`` is but supposed.

    Several processes write the log, so that entries of this very moment prove nothing: only one
    that is later by more than clocks may differ shows that ours ran backwards. Once a human
    acknowledged our clock, what was written before shows nothing any more.

    Raises:
        CatalogError: the catalog cannot be read.
    """
    later = reader.clock_ahead(since=now + CLOCK_TOLERANCE) if is_present else None
    return PruneSurroundings(
        tombstones=reader.tombstones(since=now - DAY),
        collections=reader.collections(),
        rebuilt=reader.rebuilt_series(),
        last_pass=later,
        now=now,
    )


def view_series(
    policy: Policy,
    series: Series,
    around: PruneSurroundings,
    *,
    backups: Sequence[AnyBackup],
    history: SeriesHistory,
) -> SeriesView[AnyBackup]:
    """Return everything that the upkeep of one series is decided from.

    ``backups`` are those of its history, in outline or in full. The newest verified copy counts as
    intact here: whoever removes something because of that proves it first.
    """
    latest = history.failures[-1] if history.failures else None
    return SeriesView(
        policy=policy,
        series=series,
        backups=backups,
        tombstones=around.tombstones.get(series, ()),
        latest_failure=latest if latest is not None and _has_failed(latest) else None,
        broken_off_at=history.broken_off_at,
        collections={
            destination: around.collections[series, destination]
            for destination in policy.destinations
            if (series, destination) in around.collections
        },
        rebuilt_at=around.rebuilt.get(series),
        clock_trouble=find_clock_trouble(
            around.now, others=_other_clocks(history, around.now), last_pass=around.last_pass
        ),
        is_intact=True,
        now=around.now,
    )


def _has_failed(run: Run) -> bool:
    """Whether an attempt came to nothing.

    One that was killed when its backup was complete already did what it was for: the slot is
    answered, so that there is no other attempt before the next one.
    """
    return run.state is RunState.FAILED or (run.state is RunState.INTERRUPTED and not run.backup)


def look_again(series: Series, execution: Execution) -> SeriesView:
    """Return what the catalog says of one series at this moment.

    Raises:
        UsageError: the policy files in force do not name it.
        CatalogError: the catalog cannot be read.
    """
    reader = execution.reader
    # The backups are read last: what happens in between only makes them the newer ones.
    history = reader.histories([series])[series]
    return view_series(
        execution.policy_of(series),
        series,
        look_around(reader, execution.clock.now()),
        backups=reader.backups(series),
        history=history,
    )


def _other_clocks(history: SeriesHistory, now: datetime) -> Mapping[str, datetime]:
    """Return what the database's clock would say now, had it gone on as when it was last asked.

    It was asked beside the snapshot of the newest backup, or of an attempt that failed since.
    """
    answers = (history.server_ahead, *(run.server_ahead for run in history.failures))
    known = [ahead for ahead in answers if ahead is not None]
    return {"the database": now + known[-1]} if known else {}
