"""Collecting what nothing names at a destination, once it was seen so for long (design §6)."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from orchestrator.errors import (
    DestinationPermissionError,
    ObjectKeptError,
    OrchestratorError,
    UnreadableManifestError,
)
from orchestrator.execution.attach_destination import open_attached
from orchestrator.execution.context import Execution
from orchestrator.execution.lease.adopt_backups import series_path_of
from orchestrator.execution.lease.hold_lease import HeldLease, hold_lease
from orchestrator.execution.prune.collector import Collected, Collector
from orchestrator.execution.prune.destination_clock import refuse_if_clocks_differ
from orchestrator.execution.prune.look import look_again
from orchestrator.execution.prune.note_findings import note_unlisted, note_unreadable
from orchestrator.model.actions import CollectChunks
from orchestrator.model.names import DestinationName, ObjectKey, Series
from orchestrator.model.outcome import NotNeeded, Succeeded
from orchestrator.model.run import LogAction, LogOutcome
from orchestrator.planning.phrases import say_size
from orchestrator.planning.upkeep.collection import wait_of
from orchestrator.ports.destination import Destination

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """What came of collecting a series at a destination: what went, and how many objects wait."""

    collected: Collected
    waiting: int


def collect_chunks(action: CollectChunks, execution: Execution) -> Succeeded | NotNeeded:
    """Note what nothing names, and remove what was noted longer ago than any run can take.

    Raises:
        UnreadableManifestError: nobody can know what an unreadable manifest names.
        ObjectKeptError: the destination does not let go of an object.
        PruneRefusedError: the destination's clock is not ours.
        SeriesLockedError: another run is at work on the series.
        LeaseLostError: another run took over; nothing more was removed.
        DestinationError: the destination cannot be reached, or is not ours.
    """
    with hold_lease(action.series, execution.new_run_id(), execution) as held:
        view = look_again(action.series, execution)
        destination = open_attached(action.destination, execution)
        if view.clock_trouble is not None or view.rebuilt_at is not None:
            why = view.clock_trouble or "nobody acknowledged yet that the catalog was rebuilt"
            return NotNeeded(action=action, summary=f"nothing is collected: {why}")
        path = series_path_of(action.series, execution)
        refuse_if_clocks_differ(destination, path, held=held, execution=execution)
        wait = wait_of(view.policy)
        collection = collect(action.series, destination, wait, held=held, execution=execution)
    return Succeeded(action=action, summary=_summary(collection, action.destination))


def collect(
    series: Series,
    destination: Destination,
    wait: timedelta,
    *,
    held: HeldLease,
    execution: Execution,
) -> Collection:
    """Collect a series at a destination under its lease; what waited shorter than ``wait`` stays.

    Whatever error ends it, the log says how much was removed; that a copy has no readable manifest
    is recorded as its damage, and manifests that the catalog does not list are noted in the log.
    What somebody must do something about counts as looked at, so that not every pass tries it again.

    Raises:
        UnreadableManifestError, ObjectKeptError, LeaseLostError, DestinationError.
    """
    path = series_path_of(series, execution)
    collector = Collector(destination, path, clock=execution.clock, check=held.check)
    collected = Collected()
    first_seen: Mapping[ObjectKey, datetime] = {}
    try:
        holdings = collector.look()
        note_unlisted(series, destination.name, holdings.backups, execution)
        execution.writer.record_unreferenced(
            series, destination.name, list(holdings.unreferenced()), at=holdings.at
        )
        first_seen = execution.reader.unreferenced(series, destination.name)
        collector.collect(_find_ripe(first_seen, holdings.at - wait), collected)
    except (UnreadableManifestError, ObjectKeptError, DestinationPermissionError):
        _record(series, destination.name, collected, execution)
        note_unreadable(series, destination.name, collector.unreadable, execution)
        raise
    except OrchestratorError as error:
        _log_broken_off(series, destination.name, collected, error, execution)
        raise
    _record(series, destination.name, collected, execution)
    return Collection(collected=collected, waiting=len(first_seen) - len(collected.removed))


def _find_ripe(first_seen: Mapping[ObjectKey, datetime], before: datetime) -> Sequence[ObjectKey]:
    return sorted(key for key, at in first_seen.items() if at <= before)


def _record(
    series: Series, destination: DestinationName, collected: Collected, execution: Execution
) -> None:
    detail = _detail(destination, collected)
    entry = execution.log_entry(LogAction.COLLECT, str(series), LogOutcome.SUCCEEDED, detail)
    execution.writer.record_collection(
        series, destination, at=entry.at, removed=list(collected.removed), entry=entry
    )


def _log_broken_off(
    series: Series,
    destination: DestinationName,
    collected: Collected,
    error: OrchestratorError,
    execution: Execution,
) -> None:
    """Log what is gone already; a log that cannot be written must not hide what ended it."""
    if not collected.removed:
        return
    detail = {**_detail(destination, collected), "code": error.code, "what": error.what}
    try:
        execution.writer.append_log(
            execution.log_entry(LogAction.COLLECT, str(series), LogOutcome.FAILED, detail)
        )
    except OrchestratorError as trouble:
        _log.warning("collection_not_logged", extra={"series": str(series), **detail})
        _log.debug("collection_not_logged: %s", trouble, exc_info=trouble)


def _detail(destination: DestinationName, collected: Collected) -> dict[str, str]:
    return {
        "destination": str(destination),
        "objects": str(len(collected.removed)),
        "bytes": str(sum(collected.removed.values())),
    }


def _summary(collection: Collection, destination: DestinationName) -> str:
    collected = collection.collected
    size = sum(collected.removed.values())
    stopped = "" if collected.stopped_by is None else f"; stopped: {collected.stopped_by}"
    return (
        f"collected {len(collected.removed)} objects ({say_size(size)}) at {destination};"
        f" {collection.waiting} that nothing names wait{stopped}"
    )
